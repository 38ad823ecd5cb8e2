/** A guest may send anything. The host must stay small, stay awake, and end the channel with a clean error. */
import assert from "node:assert/strict";
import type { Duplex } from "node:stream";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { encodeFields } from "@banger/contract/guest/fields";
import { FLAG_FIN, FRAME_TYPE } from "@banger/contract/guest/frame";
import { ANSWER_BIT, encodeMessage } from "@banger/contract/guest/message-frame";
import { answerHead, guestEvents } from "@banger/contract/guest/messages";
import { socketPair } from "@banger/platform/testing/socket-pair";
import { FakeClock } from "@banger/platform/time/clock-fake";
import fc from "fast-check";
import { GuestChannel } from "./channel/guest-channel.ts";
import { WINDOW_BYTES } from "./channel/receive-half.ts";
import { ExecSession } from "./exec-session.ts";
import { FakeAgent } from "./testing/guest-agent-fake.ts";
import { openPuppet, Puppet, type Say, u64 } from "./testing/puppet-agent-fake.ts";

function ended(channel: GuestChannel): Promise<AppError> {
  const { promise, resolve } = Promise.withResolvers<AppError>();
  if (channel.error) resolve(channel.error);
  else channel.subscribe({ ended: resolve });
  return promise;
}

const message = (type: number, request: number, body: Uint8Array = new Uint8Array()): Uint8Array =>
  encodeMessage({ type, request, body });
const header = (length: number) => {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt32LE(length, 0);
  return bytes;
};

const BREACHES: readonly { name: string; say: readonly Say[] }[] = [
  { name: "an answer to nothing", say: [{ type: 2, payload: message(0x31 | ANSWER_BIT, 77) }] },
  { name: "a message above the limit", say: [{ type: 2, payload: header(262_145) }] },
  { name: "a malformed event", say: [{ type: 2, payload: message(0x100, 0, Uint8Array.of(1, 2, 3)) }] },
  { name: "an acknowledgement of what was not sent", say: [{ type: 3, offset: 5_000, payload: u64(300_000) }] },
  { name: "an ACK without a number", say: [{ type: 3, payload: Uint8Array.of(1) }] },
  { name: "an end of the control stream", say: [{ type: 2, flag: FLAG_FIN }] },
  { name: "a RESET of the control stream", say: [{ type: 4, payload: u64(32) }] },
  {
    name: "data on a stream for every number",
    say: Array.from({ length: 5_000 }, (_, n) => ({ type: 2, stream: n + 100, payload: Uint8Array.of(1) })),
  },
];

for (const { name, say } of BREACHES) {
  test(`${name} ends the channel, and all that waits for it`, async () => {
    const puppet = new Puppet();
    puppet.opened = () => {
      for (const one of say) puppet.say(one);
    };
    await using channel = openPuppet(puppet);
    const waiting = channel.request("sync", {}, {}).catch((error: unknown) => error);
    assert.ok(AppError.is(await ended(channel), "GUEST_PROTOCOL"), name);
    assert.ok(AppError.is(await waiting, "GUEST_PROTOCOL"));
    await assert.rejects(channel.request("sync", {}, {}), { code: "GUEST_PROTOCOL" });
  });
}

test("data beyond the credit ends the channel before it is kept", async () => {
  const puppet = new Puppet();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  const stream = await channel.openStream({});
  let offset = 0;
  for (; offset < WINDOW_BYTES; offset += 65_536) {
    puppet.say({ type: FRAME_TYPE.data, stream: stream.id, offset, payload: new Uint8Array(65_536) });
  }
  puppet.say({ type: FRAME_TYPE.data, stream: stream.id, offset, payload: Uint8Array.of(1) });
  assert.ok(AppError.is(await ended(channel), "GUEST_PROTOCOL"));
  assert.equal(stream.receive.received, WINDOW_BYTES);
});

test("data behind the end of a stream, and an end that moves, end the channel", async () => {
  for (const second of [
    { offset: 3, payload: Uint8Array.of(1) },
    { offset: 0, flag: FLAG_FIN, payload: Uint8Array.of(1) },
  ]) {
    const puppet = new Puppet();
    await using channel = openPuppet(puppet);
    const { id } = await channel.openStream({});
    puppet.say({ type: FRAME_TYPE.data, stream: id, flag: FLAG_FIN, payload: Uint8Array.of(1, 2, 3) });
    puppet.say({ type: FRAME_TYPE.data, stream: id, ...second });
    assert.ok(AppError.is(await ended(channel), "GUEST_PROTOCOL"));
  }
});

test("endless refusals come to an end", async () => {
  const puppet = new Puppet();
  puppet.greet = (hello) => puppet.welcome(hello, { refused: hello.epoch + 5 });
  await using channel = openPuppet(puppet);
  assert.ok(AppError.is(await ended(channel), "GUEST_PROTOCOL"));
  assert.ok(puppet.hellos < 100);
});

test("an agent that loses every epoch again comes to an end", async () => {
  const puppet = new Puppet();
  puppet.opened = () => puppet.write(Buffer.alloc(100, 0xee));
  await using channel = openPuppet(puppet);
  assert.ok(AppError.is(await ended(channel), "GUEST_PROTOCOL"));
  assert.ok(puppet.hellos < 100);
});

test("an agent that has forgotten the session in each epoch comes to an end, though each brings something new", async () => {
  const puppet = new Puppet();
  const news = message(0x100, 0, encodeFields(guestEvents.exited.fields, { id: "nobody", status: 0 }));
  puppet.opened = () => {
    puppet.say({ type: FRAME_TYPE.data, payload: news });
    puppet.write(Buffer.alloc(100, 0xee));
  };
  await using channel = openPuppet(puppet);
  const error = await ended(channel);
  assert.deepEqual([error.code, /began anew 33 times/.test(error.message)], ["GUEST_PROTOCOL", true], error.message);
});

test("an agent that floods what tells nothing is missed all the same, until it answers", async () => {
  const clock = new FakeClock();
  const puppet = new Puppet();
  await using channel = openPuppet(puppet, { clock });
  await channel.ready({});
  const asked = channel.request("sync", {}, {});
  while (!channel.isMissed) {
    for (let n = 0; n < 10; n += 1) puppet.say({ type: FRAME_TYPE.reset, stream: 2 * n + 2, payload: u64(104) });
    clock.advance(1_000);
    await new Promise(setImmediate);
  }
  puppet.say({ type: FRAME_TYPE.data, payload: message(0x31 | ANSWER_BIT, 1) });
  await asked;
  assert.equal(channel.isMissed, false);
});

test("HELLOs of other epochs and sessions are passed over; the right one counts", async () => {
  const puppet = new Puppet();
  puppet.greet = (hello) => {
    for (let n = 1; n < 50; n++) puppet.welcome({ ...hello, epoch: hello.epoch - n });
    puppet.welcome({ ...hello, session: new Uint8Array(16).fill(9) });
    puppet.welcome(hello);
  };
  await using channel = openPuppet(puppet);
  assert.equal((await channel.ready({})).boot.length, 32);
});

const BAD_HELLOS: readonly { name: string; more: object }[] = [
  { name: "without a boot", more: { boot: new Uint8Array(3) } },
  { name: "with an odd stream", more: { nextStream: 3 } },
  { name: "with a stream beyond all numbers", more: { nextStream: 2 ** 33 } },
  { name: "that refuses for an epoch beyond all numbers", more: { refused: Number.MAX_SAFE_INTEGER } },
  { name: "that refuses for an older epoch", more: { refused: 1 } },
];

for (const { name, more } of BAD_HELLOS) {
  test(`a HELLO ${name} ends the channel`, async () => {
    const puppet = new Puppet();
    puppet.greet = (hello) => puppet.welcome(hello, more);
    await using channel = openPuppet(puppet);
    assert.ok(AppError.is(await ended(channel), "GUEST_PROTOCOL"));
  });
}

test("a guest that never answers HELLO, or a request, is silent, and the wait says for what", async () => {
  const mute = new Puppet();
  mute.greet = () => undefined;
  await using silent = openPuppet(mute);
  await assert.rejects(silent.ready({ deadlineMs: 20 }), { code: "GUEST_SILENT", message: /HELLO within 20 ms/ });
  await using channel = openPuppet(new Puppet());
  await channel.ready({});
  await assert.rejects(channel.request("sync", {}, { deadlineMs: 20 }), { code: "GUEST_SILENT", message: /SYNC/ });
});

test("an answer that comes after its deadline is dropped, and the channel lives", async () => {
  const puppet = new Puppet();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  await assert.rejects(channel.request("sync", {}, { deadlineMs: 10 }), { code: "GUEST_SILENT" });
  const late = message(0x31 | ANSWER_BIT, 1);
  puppet.say({ type: FRAME_TYPE.data, payload: late });
  puppet.say({ type: FRAME_TYPE.data, offset: late.length, payload: message(0x41 | ANSWER_BIT, 2) });
  const next = channel.request("sync", {}, {});
  puppet.say({ type: FRAME_TYPE.data, offset: 2 * late.length, payload: message(0x31 | ANSWER_BIT, 3) });
  await next;
});

test("a refusal shows the guest's words with what a terminal would obey made visible", async () => {
  const puppet = new Puppet();
  await using channel = openPuppet(puppet);
  await channel.ready({});
  const asked = channel.request("sync", {}, {});
  const body = encodeFields(answerHead, { errno: 5, text: "\u001b]0;owned\u0007" });
  puppet.say({ type: FRAME_TYPE.data, payload: message(0x31 | ANSWER_BIT, 1, body) });
  await assert.rejects(asked, { code: "GUEST_REFUSED", message: "the guest refused SYNC: \\x1b]0;owned\\x07 (EIO)" });
});

test("a HELLO that was lost is sent again, when the agent has read it and time has passed", async () => {
  const clock = new FakeClock();
  const puppet = new Puppet();
  const again = Promise.withResolvers<void>();
  puppet.greet = (hello) => {
    if (puppet.hellos < 2) again.resolve();
    else puppet.welcome(hello);
  };
  await using channel = openPuppet(puppet, { clock });
  await again.promise;
  const ready = channel.ready({});
  while (puppet.hellos < 2) {
    if (clock.sleeping > 0) clock.advance(1_000);
    await new Promise(setImmediate);
  }
  await ready;
});

/** An agent at the end of whichever connection was made last. */
function reachable() {
  const agent = new FakeAgent();
  let guest: Duplex | undefined;
  const connect = async () => {
    const [host, other] = socketPair();
    guest = other;
    agent.attach(other);
    return host;
  };
  return { agent, connect, hangUp: () => guest?.end() };
}

test("a machine that is gone ends the channel", async () => {
  let alive = true;
  const { connect, hangUp } = reachable();
  await using channel = GuestChannel.open({ connect, session: new Uint8Array(16), build: "1", alive: () => alive });
  await channel.ready({});
  const session = await ExecSession.start(channel, { id: "a", argv: ["sleep", "1"] }, {});
  alive = false;
  hangUp();
  assert.equal((await ended(channel)).code, "VMM_DIED");
  await assert.rejects(session.exit, { code: "VMM_DIED" });
});

test("an agent that began anew fails what was asked, and serves what is asked next", async () => {
  const { agent, connect, hangUp } = reachable();
  await using channel = GuestChannel.open({ connect, session: new Uint8Array(16), build: "1" });
  const session = await ExecSession.start(channel, { id: "a", argv: ["sleep", "1"] }, {});
  agent.forget({ reboot: true });
  hangUp();
  await assert.rejects(session.exit, { code: "GUEST_SILENT" });
  const next = await ExecSession.start(channel, { id: "b", argv: ["true"] }, {});
  assert.deepEqual(await next.exit, { status: 0 });
});

test("an agent that lost the session but not its commands is joined again, and no byte is missing", async () => {
  const { agent, connect, hangUp } = reachable();
  await using channel = GuestChannel.open({ connect, session: new Uint8Array(16), build: "1" });
  const session = await ExecSession.start(channel, { id: "a", argv: ["cat"], stdin: true }, {});
  const parts: string[] = [];
  session.stdin.write("one\n");
  for await (const chunk of session.stdout) {
    parts.push(String(chunk));
    if (parts.length > 1) continue;
    agent.forget({ reboot: false });
    hangUp();
    session.stdin.end("two\n");
  }
  assert.equal(parts.join(""), "one\ntwo\n");
  assert.deepEqual(await session.exit, { status: 0 });
  assert.equal(agent.verbs.commands.started, 1);
});

test("whatever a guest sends, the channel goes on or ends with GUEST_PROTOCOL", async () => {
  const frame = fc.record({
    type: fc.integer({ min: 1, max: 6 }),
    flag: fc.nat(3),
    stream: fc.constantFrom(0, 2, 3, 4, 5, 77),
    offset: fc.oneof(fc.nat(40), fc.constantFrom(262_144, 2 ** 40)),
    payload: fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.nat(400_000).map(u64),
      fc
        .tuple(fc.nat(0x110), fc.nat(3), fc.uint8Array({ maxLength: 30 }))
        .map(([type, request, body]) => message(type, request, body)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { maxLength: 20 }), async (says) => {
      const puppet = new Puppet();
      await using channel = openPuppet(puppet);
      await channel.ready({});
      const exec = ExecSession.start(channel, { id: "a", argv: ["x"], stdin: true }, {}).catch(
        (error: unknown) => error,
      );
      for (const one of says) puppet.say(one);
      // a pipe keeps its order: when the host has seen this epoch's end, it has seen all before it
      for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
      if (channel.error) assert.equal(channel.error.code, "GUEST_PROTOCOL");
      channel.destroy(undefined);
      const outcome = await exec;
      assert.ok(outcome instanceof ExecSession || AppError.is(outcome), String(outcome));
    }),
    { numRuns: 300 },
  );
});
