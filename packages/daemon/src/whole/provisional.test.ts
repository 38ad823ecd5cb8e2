/** Machines that are their maker's until they are kept: whoever dies before, nothing of them is left. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };

async function made(bench: DaemonBench, maker: Client, more: { ephemeral?: boolean } = {}): Promise<void> {
  const begun = await maker.call("vm.create", { name: "web", image: "minimal", provisional: true, ...more });
  assert.equal((await bench.ended(maker, begun)).state, "done");
}

async function untilGone(client: Client): Promise<void> {
  while ((await client.call("vm.list", {})).machines.length > 0);
}

for (const ephemeral of [false, true]) {
  test(`a provisional machine${ephemeral ? ", ephemeral," : ""} goes with the client that made it, and with no other`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const maker = await bench.connect();
    await made(bench, maker, { ephemeral });
    const other = await bench.connect();
    await other.upgrade("exec.run", { ref: "web", argv: ["true"] });
    other.close();
    assert.equal((await client.call("vm.show", { ref: "web" })).state, "running");
    maker.close();
    await untilGone(client);
    while (bench.host.running.length > 0) await client.call("vm.list", {});
    assert.deepEqual(await bench.leftovers(), EMPTY);
  });

  for (const how of ["stop", "kill"] as const) {
    test(`a provisional machine${ephemeral ? ", ephemeral," : ""} goes with its daemon's ${how}`, async () => {
      await using bench = await DaemonBench.make();
      await made(bench, await bench.start(), { ephemeral });
      await bench[how]();
      await untilGone(await bench.start());
      assert.deepEqual(await bench.leftovers(), EMPTY);
    });
  }
}

test("one that was kept is a machine like any other: its maker and its daemon may go", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const maker = await bench.connect();
  await made(bench, maker);
  await assert.rejects(client.call("daemon.stop", { ifIdle: true }), { code: "DAEMON_BUSY" });
  assert.equal((await maker.call("vm.keep", { ref: "web" })).state, "running");
  await client.call("daemon.stop", { ifIdle: true });
  maker.close();
  for (let i = 0; i < 20; i += 1) await client.call("vm.list", {});
  await bench.kill();
  assert.equal((await (await bench.start()).call("vm.show", { ref: "web" })).state, "running");
});

for (const thenDelete of [false, true]) {
  test(`a command keeps it${thenDelete ? " until it has ended" : ""}, whatever becomes of the connection that made it`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const maker = await bench.connect();
    await made(bench, maker);
    const runner = await bench.connect();
    const { mux } = await runner.upgrade("exec.run", {
      ref: "web",
      argv: ["cat"],
      stdin: true,
      keep: true,
      thenDelete,
    });
    maker.close();
    for (let i = 0; i < 20; i += 1) await client.call("vm.list", {});
    assert.equal((await client.call("vm.show", { ref: "web" })).state, "running");
    mux.stream(0).end();
    if (thenDelete) await untilGone(client);
    else assert.equal((await client.call("vm.show", { ref: "web" })).state, "running");
  });
}

test("one that is on its way out is not kept", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const maker = await bench.connect();
  await made(bench, maker);
  const held = Promise.withResolvers<void>();
  bench.onStep = () => held.promise;
  const deleted = await client.call("vm.delete", { ref: "web" });
  while ((await client.call("vm.show", { ref: "web" })).state !== "stopping");
  await maker.call("vm.keep", { ref: "web" });
  held.resolve();
  assert.equal((await bench.ended(client, deleted)).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});
