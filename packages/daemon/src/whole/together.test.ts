/** A create goes on while an image is built, and the other way round: no lock is held over slow work. */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Exec } from "@banger/platform/exec/run";
import { raceAbort } from "@banger/platform/time/deadline";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const RECIPE = fileURLToPath(new URL("../../../../images/minimal", import.meta.url));

/** Every program that a build runs waits for ever; what a create runs, does not. */
function heldPrograms(bench: DaemonBench): { exec: Exec; reached: Promise<string> } {
  const { promise: reached, resolve } = Promise.withResolvers<string>();
  const run: Exec["run"] = async (argv, options = {}) => {
    if (argv[0] === "mke2fs") return await bench.exec.run(argv, options);
    resolve(argv[0] ?? "");
    return await raceAbort(new Promise<never>(() => undefined), options.signal ?? new AbortController().signal);
  };
  return { exec: { run, stream: (argv, options) => bench.exec.stream(argv, options) }, reached };
}

async function buildUnderWay(bench: DaemonBench, client: Client, reached: Promise<string>) {
  await cp(RECIPE, join(bench.paths.recipes, "minimal"), { recursive: true });
  const build = await client.call("image.build", { recipe: "minimal" });
  const ended = bench.ended(client, build).then(({ error }) => assert.fail(`the build ended: ${error?.message}`));
  await Promise.race([reached, ended]);
  ended.catch(() => undefined); // it is cancelled below
  return build;
}

test("machines are made, stopped and deleted while an image is built", async () => {
  await using bench = await DaemonBench.make();
  const { exec, reached } = heldPrograms(bench);
  bench.ports = { exec };
  const client = await bench.start();
  const build = await buildUnderWay(bench, client, reached);
  await bench.create(client, "web");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  await bench.ended(client, await client.call("vm.delete", { ref: "web" }));
  assert.equal((await client.call("operation.status", build)).state, "running");
  await client.call("operation.cancel", build);
  assert.equal((await bench.ended(client, build)).state, "cancelled");
});

test("an image is built while a machine is made", async () => {
  await using bench = await DaemonBench.make();
  const { exec, reached } = heldPrograms(bench);
  bench.ports = { exec };
  const client = await bench.start();
  const [held, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bench.onStep = async (step) => {
    if (step !== "memory: preflight") return;
    held.resolve();
    await gate.promise;
  };
  const create = await client.call("vm.create", { name: "web", image: "minimal" });
  await held.promise;
  const build = await buildUnderWay(bench, client, reached);
  gate.resolve();
  assert.equal((await bench.ended(client, create)).state, "done");
  await client.call("operation.cancel", build);
  assert.equal((await bench.ended(client, build)).state, "cancelled");
});

test("one machine that is held up holds up no other", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "slow");
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  assert.ok(bench.life);
  bench.life.driver.onStep = async (step, machine) => {
    if (step !== "kill" || machine?.spec.id !== slow) return;
    reached.resolve();
    await gate.promise;
  };
  const { id: slow } = await client.call("vm.show", { ref: "slow" });
  const gone = await client.call("vm.delete", { ref: "slow" });
  await reached.promise;
  await bench.create(client, "quick");
  await bench.ended(client, await client.call("vm.delete", { ref: "quick" }));
  assert.equal((await client.call("operation.status", gone)).state, "running");
  gate.resolve();
  assert.equal((await bench.ended(client, gone)).state, "done");
});
