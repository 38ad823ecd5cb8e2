/** A guest that sends without end, or takes and gives nothing back: the host keeps little of it, and goes on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { joinBytes } from "@banger/contract/byte-queue";
import { encodeFields } from "@banger/contract/guest/fields";
import { FRAME_TYPE, readU64 } from "@banger/contract/guest/frame";
import { ANSWER_BIT, encodeMessage, type Message, MessageAssembler } from "@banger/contract/guest/message-frame";
import { guestEvents, guestVerbs } from "@banger/contract/guest/messages";
import { WINDOW_BYTES } from "./channel/receive-half.ts";
import { ExecSession } from "./exec-session.ts";
import { openPuppet, Puppet, u64 } from "./testing/puppet-agent-fake.ts";
import { sendContent } from "./transfer.ts";
import { upgrade } from "./upgrade.ts";

const MIB = 1024 * 1024;
const SHORT = { deadlineMs: 20 };

/** Keeps to what the host allows it on the control stream, and may answer what it is asked. */
class Flooder extends Puppet {
  readonly #requests = new MessageAssembler();
  #said = 0;
  #allowed = WINDOW_BYTES;
  answer: (request: Message) => Uint8Array | undefined = () => undefined;

  constructor() {
    super();
    this.greet = (hello) => this.welcome(hello, { capability: ["upgrade"] });
  }

  /** Looks at what came, lets others have their turn, and forgets it. */
  async turn(): Promise<void> {
    for (const one of this.heard.splice(0)) {
      if (one.kind !== "frame" || one.head.stream !== 0) continue;
      const payload = joinBytes(one.parts);
      if (one.head.type === FRAME_TYPE.ack) {
        this.#allowed = readU64(new DataView(payload.buffer, payload.byteOffset, 8), 0) ?? 0;
      } else {
        this.#requests.push(payload);
      }
    }
    for (let asked = this.#requests.next(); asked; asked = this.#requests.next()) {
      const body = this.answer(asked);
      if (body) this.#tell(encodeMessage({ type: asked.type | ANSWER_BIT, request: asked.request, body }));
    }
    assert.ok(this.hellos < 3, "the host began again");
    await new Promise(setImmediate);
  }

  /** Takes its turns until the host has what it waits for. */
  async serving<T>(wanted: Promise<T>): Promise<T> {
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    wanted.then(over, over);
    while (!isOver) await this.turn();
    return await wanted;
  }

  /** Events, one after the other, until so many bytes of them were taken. */
  async events(type: number, options: { body: Uint8Array; bytes: number }): Promise<void> {
    const event = encodeMessage({ type, request: 0, body: options.body });
    for (const end = this.#said + options.bytes; this.#said < end; ) {
      if (this.#said + event.length <= this.#allowed) this.#tell(event);
      else await this.turn();
    }
  }

  #tell(message: Uint8Array): void {
    this.say({ type: FRAME_TYPE.data, offset: this.#said, payload: message });
    this.#said += message.length;
  }
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

/** Goes on as `work` does, and fails if more than that is kept when it is over. */
async function within(mostBytes: number, work: () => Promise<void>): Promise<void> {
  const before = heapBytes();
  await work();
  const kept = heapBytes() - before;
  assert.ok(kept < mostBytes, `${kept} bytes are kept`);
}

test("acknowledgements, resets of nothing and bytes that were there before, a hundred thousand of each", async () => {
  const puppet = new Flooder();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  await within(4 * MIB, async () => {
    for (let round = 0; round < 1_000; round++) {
      for (let n = 0; n < 100; n++) {
        puppet.say({ type: FRAME_TYPE.ack, offset: 0, payload: u64(WINDOW_BYTES) });
        puppet.say({ type: FRAME_TYPE.reset, stream: 2 * n + 2, payload: u64(104) });
        puppet.say({ type: FRAME_TYPE.data, offset: 0 });
      }
      await puppet.turn();
    }
  });
  puppet.answer = () => new Uint8Array();
  await puppet.serving(channel.request("sync", {}, {}));
});

test("events by the ten megabytes, of commands that nobody knows and of ports", async () => {
  const puppet = new Flooder();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  let heard = 0;
  channel.subscribe({ exited: () => (heard += 1), ports: () => (heard += 1) });
  const exited = encodeFields(guestEvents.exited.fields, { id: "nobody", status: 0 });
  const port = Array.from({ length: 1_000 }, (_, n) => ({ port: n + 1, process: "x".repeat(20) }));
  const ports = encodeFields(guestEvents.ports.fields, { port });
  await within(4 * MIB, async () => {
    await puppet.events(guestEvents.exited.type, { body: exited, bytes: 2 * MIB });
    await puppet.events(guestEvents.ports.type, { body: ports, bytes: 10 * MIB });
    while (heard === 0) await puppet.turn();
  });
  assert.ok(heard > 1_000);
  assert.equal(channel.error, undefined);
});

test("output in single bytes that nobody reads costs what was allowed, and not an object for each", async () => {
  const puppet = new Flooder();
  puppet.answer = () => encodeFields(guestVerbs.exec.answer, { pid: 7 });
  await using channel = openPuppet(puppet);
  const session = await puppet.serving(ExecSession.start(channel, { id: "a", argv: ["yes"] }, {}));
  session.exit.catch(() => undefined); // the channel is closed before it ends
  await within(2 * MIB, async () => {
    for (let offset = 0; offset < 100_000; offset++) {
      puppet.say({ type: FRAME_TYPE.data, stream: 2, offset, payload: Uint8Array.of(121) });
      if (offset % 1_000 === 0) await puppet.turn();
    }
    await puppet.turn();
  });
  assert.equal(channel.error, undefined);
});

test("an upgrade that is half done has a deadline: the binary is not taken, or the new agent does not come", async () => {
  const source = () => ({ bytes: chunks(200_000), size: 200_000 });
  const puppet = new Flooder();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  await assert.rejects(upgrade(channel, source(), SHORT), { code: "GUEST_SILENT", message: /UPGRADE within 20 ms/ });
  assert.deepEqual([...channel.mux.streams], []);
  puppet.answer = () => new Uint8Array();
  puppet.greet = () => undefined;
  const half = puppet.serving(upgrade(channel, source(), SHORT));
  await assert.rejects(half, { code: "GUEST_SILENT", message: /HELLO within 20 ms/ });
});

test("an agent that answers and acknowledges nothing does not make the host keep all that it was ever sent", async () => {
  const puppet = new Flooder();
  puppet.answer = () => new Uint8Array();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  for (let n = 0; n < 150; n++) {
    const fields = ({ stream }: { stream: number }) => ({ path: "/x", stream, flags: 0 });
    await puppet.serving(sendContent(channel, "write", { what: "WRITE", fields, source: chunks(200_000) }));
  }
  const kept = [...channel.mux.streams].reduce((sum, { send }) => sum + send.unacknowledged, 0);
  assert.ok(kept <= 16 * MIB, `${kept} bytes are kept for resending`);
  assert.equal(channel.error, undefined);
});

async function* chunks(bytes: number): AsyncGenerator<Uint8Array> {
  yield new Uint8Array(bytes);
}
