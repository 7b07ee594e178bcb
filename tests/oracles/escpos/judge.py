"""Says which bytes python-escpos, an implementation we did not write, sends to a printer.

One command a line on standard input, one line of hexadecimal on standard output:

  text HEX            UTF-8 text in GB 18030
  qr SIZE HEX         a QR code of the printer's own, correction M; the content in UTF-8
  large               twice as wide and high, centred
  raster WIDTH HEX    a picture of one bit, rows of whole bytes, 1 = black
"""

import contextlib
import sys
import warnings

from escpos.printer import Dummy
from PIL import Image, ImageOps


def text(content):
    return bytes.fromhex(content).decode("utf-8").encode("gb18030")


def qr(size, content):
    printer = Dummy()
    printer.qr(bytes.fromhex(content).decode("utf-8"), native=True, ec=1, size=int(size))
    return printer.output


def large():
    printer = Dummy()
    printer.set(align="center", custom_size=True, width=2, height=2)
    return printer.output


def raster(width, bits):
    data = bytes.fromhex(bits)
    picture = Image.frombytes("1", (int(width), len(data) // (int(width) // 8)), data)
    printer = Dummy()
    printer.image(ImageOps.invert(picture.convert("L")), impl="bitImageRaster", center=False)
    return printer.output


warnings.simplefilter("ignore")
KNOWN = {"text": text, "qr": qr, "large": large, "raster": raster}
for line in sys.stdin:
    name, *rest = line.split()
    # The library speaks to standard output too.
    with contextlib.redirect_stdout(sys.stderr):
        answer = KNOWN[name](*rest)
    print(answer.hex(), flush=True)
