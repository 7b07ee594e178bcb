"""Says what PyPI dlt645, an implementation we did not write, thinks of DL/T 645 bytes.

One command a line on standard input, one JSON object a line on standard output:

  decode HEX                     every frame the library finds, and its own encoding of each
  build PREAMBLE ADDR CTRL DATA  the frame the library builds; ADDR in wire order, DATA or "-"
  answer ADDR DI VALUE HEX       what the library's meter ADDR (wire order) with VALUE behind DI
                                 answers to the request HEX; null for silence

The library's slave also answers frames meant for other meters, so a filter stands in front.
"""

import json
import sys

from dlt645.protocol.protocol import DLT645Protocol
from dlt645.service.serversvc.server_service import MeterServerService

meter = None


def decode(text):
    raw, frames = bytes.fromhex(text), []
    while True:
        raw, frame = DLT645Protocol.deserialize_with_remaining(raw)
        if frame is None:
            return {"frames": frames}
        frames.append({
            "preamble": len(frame.preamble),
            "address": bytes(frame.addr).hex(),
            "control": frame.ctrl_code,
            "data": bytes(frame.data).hex(),
            "again": DLT645Protocol.serialize(frame).hex(),
        })


def build(preamble, address, control, data):
    data = b"" if data == "-" else bytes.fromhex(data)
    frame = DLT645Protocol.build_frame(
        bytes.fromhex(address), int(control, 16), data, int(preamble))
    return {"frame": bytes(frame).hex()}


def answer(address, di, value, text):
    global meter
    # Building one copies every identifier the library knows, so one serves all commands.
    meter = meter or MeterServerService.new_tcp_server("127.0.0.1", 0)
    own = bytes.fromhex(address)
    meter.set_address(own)
    put = {"00": meter.set_00, "02": meter.set_02}[di[:2]]
    if not put(int(di, 16), float(value)):
        raise ValueError(f"the library does not know {di}")
    frame = DLT645Protocol.deserialize(bytes.fromhex(text))
    if bytes(frame.addr) != own:
        return {"reply": None}
    reply = meter.handle_request(frame)
    return {"reply": None if reply is None else bytes(reply).hex()}


def main():
    commands = {"decode": decode, "build": build, "answer": answer}
    for line in sys.stdin:
        name, *arguments = line.split()
        print(json.dumps(commands[name](*arguments)), flush=True)


main()
