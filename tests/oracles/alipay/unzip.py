"""Opens a bill archive as Python does: base64 of the ZIP in, its sheets as JSON out.

The standard library's zipfile, csv module and gbk codec; nothing of ours.
"""

import base64
import csv
import io
import json
import sys
import zipfile


def name_of(entry):
    # Without the UTF-8 flag zipfile reads names as code page 437.
    if entry.flag_bits & 0x800:
        return entry.filename
    return entry.filename.encode("cp437").decode("gbk")


def sheet(text):
    lines = [line for line in text.split("\r\n") if line and not line.startswith("#")]
    # Quotes in these sheets are letters, as far as anybody knows.
    rows = list(csv.reader(lines, quoting=csv.QUOTE_NONE))
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(sys.stdin.read())))
assert archive.testzip() is None
sheets = [
    {"name": name_of(entry), "rows": sheet(archive.read(entry).decode("gbk"))}
    for entry in archive.infolist()
]
json.dump(sheets, sys.stdout, ensure_ascii=False)
