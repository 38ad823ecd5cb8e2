/** How machines are doing, over the daemon's socket. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { DaemonBench } from "../testing/daemon-bench.ts";

test("the guest's own numbers, and what the host sees", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const { machine, guest, host } = await client.call("vm.stats", { ref: "web" });
  assert.deepEqual([machine.id, machine.name], [id, "web"]);
  assert.equal(guest?.memory.total, 2 ** 29);
  assert.equal(guest?.root?.used, 2 ** 32);
  assert.equal(guest?.work, null);
  assert.deepEqual([host.residentBytes, host.cpuMs], [2 ** 27, 500]);
  assert.ok(host.diskBytes > 0);
});

test("a machine that does not run, and one that is not there, are told", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  await assert.rejects(client.call("vm.stats", { ref: "web" }), (error) => AppError.is(error, "VM_NOT_RUNNING"));
  await assert.rejects(client.call("vm.stats", { ref: "db" }), (error) => AppError.is(error, "VM_NOT_FOUND"));
});

test("of a paused machine there is what the host sees", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await bench.ended(client, await client.call("vm.pause", { ref: "web" }));
  const { machine, guest, host } = await client.call("vm.stats", { ref: "web" });
  assert.deepEqual([machine.state, guest, host.cpuMs], ["paused", null, 500]);
});
