#!/usr/bin/env python3
"""Writes the seeds of the fuzz target: sequences of operations as test/fuzz.c reads them. Usage: corpus.py DIRECTORY"""
import struct
import sys
from pathlib import Path

from generate import ACK, DATA, HELLO, RESET, message, raw, text, u64


def op(type_: int, stream: int = 0, offset: int = 0, payload: bytes = b"", fin: bool = False) -> bytes:
    return bytes([type_ - 1 | (16 if fin else 0), stream, offset, len(payload)]) + payload


def control(*messages: bytes) -> bytes:
    out, at = b"", 0
    for m in messages:
        out += op(DATA, 0, at, m)
        at += len(m)
    return out


def limit(value: int) -> bytes:
    return struct.pack("<Q", value)


def echo(request: int, stream: int, window: int, when: int) -> bytes:
    return message(0x20, request, u64(1, stream) + u64(2, window) + u64(3, when))


SEEDS = {
    "empty": b"",
    "verbs": control(message(0x06, 1, b""), message(0x03, 2, text(1, "a") + u64(2, 9)), message(0x05, 3, text(1, "a")), message(0x77, 4, b"")),
    "echo": control(echo(1, 2, 1000, 0)) + op(DATA, 2, 0, b"hello") + op(DATA, 2, 5, b"!", True) + op(ACK, 2, 6, limit(9000), True) + op(ACK, 3, 6, limit(9000), True),
    "gap": control(echo(1, 2, 1000, 0)) + op(DATA, 2, 9, b"hello"),
    "reset": control(echo(1, 2, 1000, 0)) + op(DATA, 2, 0, b"hello") + op(RESET, 2, 0, limit(32)),
    "cancel": control(echo(1, 2, 1000, 2), message(0x41, 2, u64(1, 1))),
    "refused": control(echo(1, 2, 1000, 1), echo(2, 2, 0, 0), echo(3, 2, 0, 0)),
    "resume": control(echo(1, 2, 1000, 0)) + op(DATA, 2, 0, b"hello") + op(HELLO, 0) + op(ACK, 0, 0, limit(100000)) + op(ACK, 2, 0, limit(5)),
    "session": control(echo(1, 2, 1000, 2)) + op(HELLO, 1) + control(echo(1, 4, 3, 0)) + op(DATA, 4, 0, b"abc"),
    "malformed": control(message(0x03, 1, b"\x01\x00\x00"), message(0x03, 1, raw(1, b"\xff\x00") + raw(2, b"x")), message(0x20, 0, b"")),
    "noise": bytes([0x80, 0, 0, 40]) + bytes(range(40)) + op(HELLO, 0),
}

for name, data in SEEDS.items():
    (Path(sys.argv[1]) / name).write_bytes(data)
