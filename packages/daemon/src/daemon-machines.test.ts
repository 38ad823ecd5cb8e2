/** Machines through the daemon's socket: what a client asks, and what is on the host afterwards. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DaemonBench } from "./testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };

test("create, start, stop, delete: each leaves what it says, and the last leaves nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const shown = await client.call("vm.show", { ref: "web" });
  assert.equal(shown.state, "running");
  assert.equal(shown.agent?.role, "pid1");
  assert.deepEqual((await bench.leftovers()).processes, 2);

  const stopped = await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  assert.equal(stopped.state, "done");
  assert.equal((await client.call("vm.show", { ref: id })).state, "stopped");
  assert.deepEqual(await bench.leftovers(), { ...EMPTY, machines: [id] });

  assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
  assert.equal((await bench.ended(client, await client.call("vm.delete", { ref: "web" }))).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
  assert.deepEqual((await client.call("vm.list", {})).machines, []);
});
