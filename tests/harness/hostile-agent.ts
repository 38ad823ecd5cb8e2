/**
 * A guest's root who puts himself in the agent's place: a program for a machine with Python. It ends the agent, takes its port,
 * and floods whoever asks who he is: HELLOs of other epochs and sessions, frames of unknown kinds, of streams that nobody opened,
 * of commands that are another's, and in the end one that promises 4 GiB. It prints `here` before it begins.
 */
export const hostileAgent = `
import binascii, os, select, signal, struct
MARK = bytes.fromhex("0042414e474552fffe0d0a1a48454c31")

def frame(kind, payload=b"", stream=0, offset=0, epoch=0, length=None):
    head = struct.pack("<IBBHIQ", len(payload) if length is None else length, kind, 0, 0, stream, offset)
    check = binascii.crc32(head, epoch & 0xffffffff)
    return head + struct.pack("<I", check) + payload + struct.pack("<I", check ^ 0xffffffff)

def field(tag, value):
    value = struct.pack("<Q", value) if isinstance(value, int) else value
    return struct.pack("<HHI", tag, 0, len(value)) + value

def hello(epoch, session):
    facts = field(4, b"9.9+\\x1b]0;owned\\x07") + field(6, b"b" * 16) + field(8, 2) + field(10, b"root")
    return MARK + frame(1, field(1, 1) + field(2, epoch) + field(3, session) + facts, offset=epoch)

def asked(got):
    """The last whole HELLO in what came, and what is left behind it."""
    at = got.rfind(MARK)
    if at < 0 or len(got) < at + 40: return None, got[-70000:]
    size = struct.unpack_from("<I", got, at + 16)[0]
    if len(got) < at + 44 + size: return None, got[at:]
    fields, rest = {}, got[at + 40:at + 40 + size]
    while rest:
        tag, _, length = struct.unpack_from("<HHI", rest)
        fields[tag], rest = rest[8:8 + length], rest[8 + length:]
    return (struct.unpack("<Q", fields[2])[0], fields[3]), got[at + 44 + size:]

def nonsense(epoch, session):
    """Of other epochs and sessions, of unknown kinds, for streams that are not there, of commands that are another's."""
    others = b"".join(hello(epoch + n, session) + hello(epoch, bytes([n]) * 16) for n in range(1, 40))
    kinds = b"".join(frame(kind, b"x" * 900, kind, 1 << 60, epoch) for kind in range(5, 60))
    resets = b"".join(frame(4, struct.pack("<Q", 104), 2 * n, 0, epoch) for n in range(1, 400))
    exited = field(1, b"abcdefghijkl") + field(2, 0)
    event = frame(2, struct.pack("<IHHI", len(exited), 0x100, 0, 0) + exited, 0, 0, epoch)
    return others, (event + kinds + resets) * 20 + frame(2, b"", epoch=epoch, length=0xffffffff) + b"x" * 70000

for each in (signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE): signal.signal(each, signal.SIG_IGN)
print("here", flush=True)
for pid in filter(str.isdigit, os.listdir("/proc")):
    with open("/proc/" + pid + "/cmdline", "rb") as line:
        if line.read().startswith(b"@banger-agent"): os.kill(int(pid), signal.SIGKILL)
name = next(name for name in os.listdir("/dev") if name.startswith("vport"))
while True:
    try: port = os.open("/dev/" + name, os.O_RDWR | os.O_NONBLOCK)
    except OSError: continue
    break
got, out, flood = b"", b"", b""
while True:
    readable, writable, _ = select.select([port], [port] if out or flood else [], [])
    try:
        if readable: got += os.read(port, 65536)
        if writable:
            out = out or flood
            out = out[os.write(port, out):]
    except OSError: continue  # one daemon has gone, and the next one has not come
    question, got = asked(got)
    if not question: continue
    epoch, session = question
    others, flood = nonsense(epoch, session)
    out = others + hello(epoch, session)
`;
