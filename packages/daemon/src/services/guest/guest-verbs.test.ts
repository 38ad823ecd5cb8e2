import assert from "node:assert/strict";
import { test } from "node:test";
import { socketPair } from "@banger/platform/testing/socket-pair";
import { GuestChannel } from "./channel/guest-channel.ts";
import { configure } from "./configure.ts";
import { listPorts, watchPorts } from "./ports.ts";
import { grow, powerOff, sync } from "./power.ts";
import { FakeAgent } from "./testing/guest-agent-fake.ts";
import { upgrade } from "./upgrade.ts";

function begin(agent: FakeAgent): GuestChannel {
  const connect = async () => {
    const [host, guest] = socketPair();
    agent.attach(guest);
    return host;
  };
  return GuestChannel.open({ connect, session: new Uint8Array(16), build: "1" });
}

test("configure sends what is given and nothing else, and tells what was applied", async () => {
  const agent = new FakeAgent();
  await using channel = begin(agent);
  const request = { hostname: "demo", clockNs: 1_700_000_000_123_456_789n, environment: ["A=1"], thaw: true };
  const applied = await configure(
    channel,
    { ...request, addresses: [{ mac: "52:54:00:00:00:01", cidr: "10.0.0.2/24" }] },
    {},
  );
  assert.deepEqual(applied.map(String).sort(), ["address", "clock", "environment", "hostname", "thaw"]);
  const [got] = agent.verbs.configured;
  assert.equal(got?.clock, request.clockNs);
  assert.equal(got?.hostname?.raw(), "demo");
  assert.equal(got?.address[0]?.cidr?.raw(), "10.0.0.2/24");
  assert.equal(got?.machineId, undefined);
});

test("power: how the machine is to end goes with the request", async () => {
  const agent = new FakeAgent();
  await using channel = begin(agent);
  await sync(channel, {});
  assert.equal(await grow(channel, "/root", {}), 2 ** 33);
  await powerOff(channel, {});
  await powerOff(channel, { mode: "now" });
  await powerOff(channel, { mode: "reboot" });
  assert.deepEqual(agent.verbs.powerOffs, [0, 1, 2]);
});

test("ports: those of now, then every change until nobody listens", async () => {
  const agent = new FakeAgent();
  agent.verbs.listeners.set(3_000, () => undefined);
  await using channel = begin(agent);
  assert.deepEqual(
    (await listPorts(channel, {})).map(({ port }) => port),
    [3_000],
  );
  const seen: number[][] = [];
  const { ports, unsubscribe } = await watchPorts(channel, (now) => seen.push(now.map(({ port }) => port)), {});
  assert.equal(ports.length, 1);
  agent.event("ports", { port: [{ port: 3_000 }, { port: 8_080, address: "0.0.0.0" }] });
  await sync(channel, {});
  unsubscribe();
  agent.event("ports", { port: [] });
  await sync(channel, {});
  assert.deepEqual(seen, [[3_000, 8_080]]);
});

test("a port that can not be ends the channel", async () => {
  const agent = new FakeAgent();
  await using channel = begin(agent);
  await watchPorts(channel, () => undefined, {});
  agent.event("ports", { port: [{ port: 70_000 }] });
  await assert.rejects(sync(channel, {}), { code: "GUEST_PROTOCOL" });
});

test("the image's init is told of as an event", async () => {
  const agent = new FakeAgent();
  await using channel = begin(agent);
  await channel.ready({});
  const states: string[] = [];
  channel.subscribe({ init: ({ state }) => void states.push(state.printable()) });
  agent.event("init", { state: "started" });
  await sync(channel, {});
  assert.deepEqual(states, ["started"]);
});

test("an agent that can not be upgraded is left alone", async () => {
  await using channel = begin(new FakeAgent({ capabilities: ["tar"] }));
  const bytes = (async function* () {
    yield new Uint8Array(1);
  })();
  await assert.rejects(upgrade(channel, { bytes, size: 1 }, {}), { code: "GUEST_REFUSED" });
});

test("an abort ends the wait at once, with its reason, and the channel lives", async () => {
  await using channel = begin(new FakeAgent());
  const reason = new Error("the client went away");
  await assert.rejects(sync(channel, { signal: AbortSignal.abort(reason) }), reason);
  const abort = new AbortController();
  const waiting = sync(channel, { signal: abort.signal });
  abort.abort(reason);
  await assert.rejects(waiting, reason);
  await sync(channel, {});
});
