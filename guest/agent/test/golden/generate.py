#!/usr/bin/env python3
"""Writes the golden byte fixtures of the agent protocol, from docs/protocol/agent.md alone.

Shares no code with either implementation: CRC-32 comes from zlib, everything else is struct.pack.
Usage: generate.py DIRECTORY [--check]
"""
import json
import struct
import sys
import zlib
from pathlib import Path

MARKER = bytes.fromhex("0042414e474552fffe0d0a1a48454c31")
HELLO, DATA, ACK, RESET = 1, 2, 3, 4
EPOCH = 0x0000_0199_1234_5678
SESSION = bytes(range(0x10, 0x20))
BOOT = bytes(range(0xB0, 0xC0))


def crc(data: bytes, epoch: int) -> int:
    # zlib's running value v stands for the register v ^ 0xffffffff, so this starts from 0xffffffff ^ epoch.
    return zlib.crc32(data, epoch & 0xFFFFFFFF) & 0xFFFFFFFF


def frame(type_: int, flag: int, stream: int, offset: int, payload: bytes, epoch: int = EPOCH) -> bytes:
    head = struct.pack("<IBBHIQ", len(payload), type_, flag, 0, stream, offset)
    check = crc(head, 0 if type_ == HELLO else epoch)
    return head + struct.pack("<I", check) + payload + struct.pack("<I", check ^ 0xFFFFFFFF)


def u64(tag: int, value: int) -> bytes:
    return struct.pack("<HHIQ", tag, 0, 8, value)


def raw(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag, 0, len(value)) + value


def text(tag: int, value: str) -> bytes:
    return raw(tag, value.encode())


def message(type_: int, request: int, fields: bytes) -> bytes:
    return struct.pack("<IHHI", len(fields), type_, 0, request) + fields


def hello_host(epoch: int = EPOCH) -> bytes:
    return u64(1, 1) + u64(2, epoch) + raw(3, SESSION) + text(4, "0.1.0+0123456789ab")


def hello_agent(resumed: int, extra: bytes = b"") -> bytes:
    return (u64(1, 1) + u64(2, EPOCH) + raw(3, SESSION) + text(4, "0.1.0+ba9876543210") + text(5, "upgrade") + text(5, "tar")
            + raw(6, BOOT) + u64(7, resumed) + u64(8, 6) + extra + text(10, "pid1"))


def fields_of(data: bytes) -> list:
    out, at = [], 0
    while at < len(data):
        tag, _, length = struct.unpack_from("<HHI", data, at)
        out.append({"tag": tag, "value": data[at + 8 : at + 8 + length].hex()})
        at += 8 + length
    return out


def expect(*frames: tuple) -> list:
    return [{"type": t, "flag": g, "stream": s, "offset": str(o), "payload": p.hex()} for t, g, s, o, p in frames]


EXEC = (text(1, "k3x9q2") + u64(2, 4) + u64(3, 262144) + text(4, "/bin/sh") + text(4, "-c") + text(4, "printf 'grüße\\n'")
        + text(5, "LANG=C.UTF-8") + text(6, "/root") + text(7, "root") + u64(8, 3) + u64(9, 24) + u64(10, 80))

MESSAGES = {
    "message-exec": ("EXEC with every field", 0x02, 7, EXEC),
    "message-exec-answer": ("the answer to EXEC", 0x8002, 7, u64(3, 412) + u64(4, 0) + u64(5, 4) + u64(6, 0) + u64(7, 0)),
    "message-exec-refused": ("EXEC answered with ENOENT", 0x8002, 8, u64(1, 2) + text(2, "no such command: nope")),
    "message-exited-status": ("EXITED with a status", 0x100, 0, text(1, "k3x9q2") + u64(2, 3)),
    "message-exited-signal": ("EXITED by a signal", 0x100, 0, text(1, "k3x9q2") + u64(3, 9)),
    "message-execs-answer": ("EXECS with one struct", 0x8006, 9,
                             raw(3, text(1, "k3x9q2") + u64(2, 4) + u64(3, 412) + u64(4, 1) + u64(5, 3) + u64(6, 0) + u64(7, 1700000000000000000))),
    "message-configure": ("CONFIGURE with structs", 0x01, 1,
                          text(1, "demo") + text(2, "0123456789abcdef0123456789abcdef") + u64(3, 1764000000000000000) + raw(4, bytes(range(32)))
                          + raw(5, text(1, "52:54:00:12:34:56") + text(2, "10.77.0.5/24") + text(3, "10.77.0.1")) + text(7, "10.77.0.1")
                          + text(11, "LANG=C.UTF-8") + text(11, "PATH=/usr/bin:/bin")),
    "message-upgrade": ("UPGRADE", 0x40, 10, u64(1, 8) + u64(2, 123456)),
    "message-empty": ("a request without fields (SYNC)", 0x31, 11, b""),
}

MALFORMED = {
    "message-field-overruns": ("a field longer than the message", 0x03, 12, text(1, "a") + struct.pack("<HHI", 2, 0, 9) + bytes(8)),
    "message-field-cut": ("a field header cut short", 0x03, 13, text(1, "a") + b"\x02\x00\x00"),
}


def cases():
    data = (DATA, 0, 4, 1 << 40, b"hello, stream\n")
    fin = (DATA, 1, 4, (1 << 40) + 14, b"")
    ack = (ACK, 0, 4, 1234567, struct.pack("<Q", 1234567 + 262144))
    ack_fin = (ACK, 1, 4, 1234567, struct.pack("<Q", 1496711))
    reset = (RESET, 0, 4, 0, struct.pack("<Q", 32))
    control = (DATA, 0, 0, 0, message(0x02, 7, EXEC))
    host = (HELLO, 0, 0, EPOCH, hello_host())
    agent = (HELLO, 0, 0, EPOCH, hello_agent(0))
    refused = (HELLO, 0, 0, EPOCH, hello_agent(0, u64(9, EPOCH + 5)))
    unknown = (9, 255, 4, 77, b"from the future")
    big = (DATA, 0, 4, 0, bytes(i * 7 & 255 for i in range(65536)))

    def good(name, what, *frames, epoch=EPOCH):
        return name, what, "frames", epoch, b"".join(frame(*f, epoch=epoch) for f in frames), {"frames": expect(*frames)}

    yield good("data", "DATA on stream 4 at a large offset", data)
    yield good("data-epoch-low-zero", "DATA of an epoch whose low 32 bits are 0", data, epoch=0x200_0000_0000)
    yield good("fin", "DATA without bytes, with FIN", fin)
    yield good("ack", "ACK with a limit", ack)
    yield good("ack-fin", "ACK that acknowledges FIN", ack_fin)
    yield good("reset", "RESET with EPIPE", reset)
    yield good("control-exec", "an EXEC message in one DATA frame on stream 0", control)
    yield good("control-split", "the same message in frames of 1, 11 and the remaining bytes",
               (DATA, 0, 0, 0, control[4][:1]), (DATA, 0, 0, 1, control[4][1:12]), (DATA, 0, 0, 12, control[4][12:]))
    yield good("sequence", "several frames in a row", data, fin, ack, reset)
    yield good("unknown-type", "an unknown type, to be skipped whole, then DATA", unknown, data)
    yield good("largest", "the largest payload", big)

    def lost(name, what, before, bad):
        body = b"".join(frame(*f) for f in before)
        return name, what, "frames", EPOCH, body + bad, {"frames": expect(*before), "lostAt": len(body)}

    whole = frame(*data)
    yield lost("bad-check", "one bit of the header wrong", [ack], whole[:9] + bytes([whole[9] ^ 4]) + whole[10:])
    yield lost("bad-trailer", "a byte missing from the payload", [ack], whole[:30] + whole[31:] + frame(*fin))
    yield lost("bad-length", "a length of 65537 with a right check", [], frame(DATA, 0, 4, 0, bytes(65537))[:96])
    yield lost("old-epoch", "a frame of the epoch before", [data], frame(*fin, epoch=EPOCH - 1))
    yield lost("marker-at-boundary", "marker and HELLO at a frame boundary: the position counts as lost, scanning finds the marker",
               [data], MARKER + frame(*host))

    def scan(name, what, before, hello, after=b""):
        zeros = len(before) if before == bytes(65564) else 0  # too many to write down
        return name, what, "scan", EPOCH, before[zeros:] + MARKER + frame(*hello) + after, {"zerosBefore": zeros, "frames": expect(hello)}

    yield scan("hello-host", "what a host sends on a new connection: zeros, marker, HELLO", bytes(65564), host)
    yield scan("hello-agent", "an agent's answer, new session", b"", agent)
    yield scan("hello-agent-resumed", "an agent's answer, session continued", b"", (HELLO, 0, 0, EPOCH, hello_agent(1)))
    yield scan("hello-refused", "an agent's refusal", b"", refused)
    yield scan("scan-noise", "old bytes, marker prefixes and a marker with garbage behind it before the HELLO",
               frame(*data)[5:] + MARKER[:15] + MARKER[:3] + MARKER + bytes(range(64)), host)
    yield scan("scan-marker-twice", "a marker directly followed by marker and HELLO", MARKER, host)

    for name, (what, type_, request, fields) in MESSAGES.items():
        yield name, what, "message", 0, message(type_, request, fields), {"type": type_, "request": request, "fields": fields_of(fields)}
    for name, (what, type_, request, fields) in MALFORMED.items():
        yield name, what, "message", 0, message(type_, request, fields), {"type": type_, "request": request, "malformed": True}


def lines_of(name: str, kind: str, epoch: int, expected: dict, payloads: list) -> str:
    """The same expectations, one item a line, for a reader without a JSON parser."""
    out = [f"case {name} {kind} {epoch} {expected.get('zerosBefore', 0)} {expected.get('lostAt', -1)}"]
    for f, payload in zip(expected.get("frames", []), payloads):
        out.append(f"frame {f['type']} {f['flag']} {f['stream']} {f['offset']} {len(payload)} {zlib.crc32(payload)}")
    if kind == "message":
        out.append(f"message {expected['type']} {expected['request']} {int(expected.get('malformed', False))}")
        for f in expected.get("fields", []):
            value = bytes.fromhex(f["value"])
            out.append(f"field {f['tag']} {len(value)} {zlib.crc32(value)}")
    return "\n".join(out) + "\n"


def wrap(data: bytes) -> str:
    hexed = data.hex()
    return "".join(hexed[i : i + 96] + "\n" for i in range(0, len(hexed), 96))


def main() -> int:
    target, check = Path(sys.argv[1]), "--check" in sys.argv
    files, index, lines = {}, [], ""
    for name, what, kind, epoch, data, expected in cases():
        files[f"{name}.hex"] = wrap(data)
        lines += lines_of(name, kind, epoch, expected, [bytes.fromhex(f["payload"]) for f in expected.get("frames", [])])
        for f in expected.get("frames", []):
            if len(f["payload"]) > 8192:
                body = bytes.fromhex(f.pop("payload"))
                f["payloadBytes"], f["payloadCrc32"] = len(body), zlib.crc32(body)
        index.append({"name": name, "what": what, "kind": kind, "epoch": str(epoch), **expected})
    vectors = [{"data": d.hex(), "epoch": str(e), "check": crc(d, e)}
               for d, e in [(b"123456789", 0), (b"123456789", EPOCH), (b"", 0xFFFFFFFF), (bytes(20), 1)]]
    files["index.json"] = json.dumps({"marker": MARKER.hex(), "crc32": vectors, "cases": index}, indent=2) + "\n"
    files["index.txt"] = lines
    stale = 0
    for name, body in files.items():
        path = target / name
        if check:
            stale += not path.exists() or path.read_text() != body
        else:
            path.write_text(body)
    if check:
        stale += len([p for p in target.iterdir() if p.suffix in (".hex", ".json", ".txt") and p.name not in files])
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
