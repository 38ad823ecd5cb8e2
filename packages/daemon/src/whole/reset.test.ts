/** A root disk goes back to its image, whole or not at all, whatever fails on the way; and what nobody uses is removed. */
import assert from "node:assert/strict";
import { mkdir, open, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { PruneResult } from "@banger/contract/daemon/prune";
import { AppError } from "@banger/contract/errors";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const MARK = "what was installed since";

/** A running machine that has written to both of its disks. */
async function used(bench: DaemonBench, client: Client, options: { ephemeral?: boolean } = {}) {
  const id = await bench.create(client, "web", options);
  const [root, work] = ["root.qcow2", "work.ext4"].map((name) => join(bench.paths.machines, id, name));
  assert.ok(root && work);
  const fresh = await readFile(root);
  await writeFile(root, Buffer.concat([fresh, Buffer.from(MARK)]));
  await using file = await open(work, "r+");
  await file.write(MARK, 0);
  return { id, root, work, fresh };
}

/** The disk is as large as a machine's, and sparse. */
async function headOf(path: string): Promise<string> {
  await using file = await open(path, "r");
  const { buffer } = await file.read(Buffer.alloc(MARK.length), 0, MARK.length, 0);
  return buffer.toString();
}

async function stateOf(client: Client): Promise<string> {
  return (await client.call("vm.show", { ref: "web" })).state;
}

test("reset: the root disk is as at first, the work disk stays, and what ran runs again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const { id, root, work, fresh } = await used(bench, client);
  const before = bench.host.machine(id);
  const end = await bench.ended(client, await client.call("vm.reset", { ref: "web" }));
  assert.equal(end.state, "done");
  assert.deepEqual(
    end.stages.map(({ name }) => name),
    ["make disk", "stop", "prepare", "boot", "configure"],
  );
  assert.equal(before?.exit?.status, 0, "the guest was asked, and went by itself");
  assert.ok((await readFile(root)).equals(fresh));
  assert.equal(await headOf(work), MARK);
  assert.equal(await stateOf(client), "running");
});

test("reset of a machine that does not run leaves it so; a failed one is a stopped one again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const { root, fresh } = await used(bench, client);
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  await bench.ended(client, await client.call("vm.reset", { ref: "web" }));
  assert.ok((await readFile(root)).equals(fresh));
  assert.equal(await stateOf(client), "stopped");
  bench.onStep = (step) => {
    if (step === "boot files") throw new AppError("GUEST_SILENT", "injected");
  };
  await bench.ended(client, await client.call("vm.start", { ref: "web" }));
  bench.onStep = () => undefined;
  assert.equal(await stateOf(client), "failed");
  await bench.ended(client, await client.call("vm.reset", { ref: "web" }));
  const { state, lastError } = await client.call("vm.show", { ref: "web" });
  assert.deepEqual([state, lastError], ["stopped", null]);
});

test("reset of a paused machine, and of one that is deleted when it stops, has them run again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const { root, fresh } = await used(bench, client, { ephemeral: true });
  await bench.ended(client, await client.call("vm.pause", { ref: "web" }));
  assert.equal((await bench.ended(client, await client.call("vm.reset", { ref: "web" }))).state, "done");
  assert.equal(await stateOf(client), "running");
  assert.ok((await readFile(root)).equals(fresh));
});

/** The steps that a reset of a running machine passes, as one that succeeds has shown them. */
async function stepsOfReset(): Promise<ReadonlySet<string>> {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await used(bench, client);
  const before = bench.steps.length;
  await bench.ended(client, await client.call("vm.reset", { ref: "web" }));
  return new Set(bench.steps.slice(before));
}

const steps = await stepsOfReset();
const APPLIED = [...steps].indexOf("root disk: apply reset done");

test("the steps of a reset are what the loops below take them for", () => {
  assert.ok(steps.has("root disk: prepare reset") && APPLIED > 0, [...steps].join(", "));
});

for (const [index, step] of [...steps].entries()) {
  test(`reset: failing at ${step} leaves the old disk or the new, and a machine that can be started`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const { root, work, fresh } = await used(bench, client);
    let reached = false;
    bench.onStep = (at) => {
      if (at !== step || reached) return;
      reached = true;
      throw new AppError("DISK_FULL", `injected at ${step}`);
    };
    const end = await bench.ended(client, await client.call("vm.reset", { ref: "web" }));
    bench.onStep = () => undefined;
    assert.equal(end.state, "failed");
    assert.equal((await readFile(root)).equals(fresh), index >= APPLIED);
    assert.equal(await headOf(work), MARK);
    await assert.rejects(stat(`${root}.reset`), "nothing is left beside");
    if (step.startsWith("root disk: prepare reset")) assert.equal(await stateOf(client), "running");
    assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
    assert.equal(await stateOf(client), "running");
  });

  test(`reset: the daemon killed at ${step}, the next one has the old disk or the new`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const { root, work, fresh } = await used(bench, client);
    const reached = Promise.withResolvers<void>();
    bench.onStep = async (at) => {
      if (at !== step) return;
      reached.resolve();
      await new Promise<never>(() => undefined);
    };
    await client.call("vm.reset", { ref: "web" });
    await reached.promise;
    await bench.kill();
    bench.onStep = () => undefined;
    const next = await bench.start();
    assert.equal((await readFile(root)).equals(fresh), index >= APPLIED);
    assert.equal(await headOf(work), MARK);
    assert.equal((await bench.ended(next, await next.call("vm.restart", { ref: "web" }))).state, "done");
    await assert.rejects(stat(`${root}.reset`), "nothing is left beside");
    assert.equal(bench.host.running.length, 1);
  });
}

test("prune: what does not run and what lies in quarantine is listed with its space, and removed; the rest stays", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  for (const name of ["runs", "held", "idle"]) await bench.create(client, name);
  await bench.ended(client, await client.call("vm.pause", { ref: "held" }));
  await bench.ended(client, await client.call("vm.stop", { ref: "idle" }));
  await mkdir(join(bench.paths.quarantine, "lost"), { recursive: true });
  await writeFile(join(bench.paths.quarantine, "lost", "disk"), Buffer.alloc(64 << 10, 1));
  const { items } = await client.call("prune.list", {});
  assert.deepEqual(
    items.map(({ kind, name }) => [kind, name]),
    [
      ["machine", "idle"],
      ["quarantine", "lost"],
    ],
  );
  assert.ok(items.every(({ bytes }) => bytes >= 4096));
  const end = await bench.ended(client, await client.call("prune.run", {}));
  assert.deepEqual(PruneResult.parse(end.result), { items });
  const { machines } = await client.call("vm.list", {});
  assert.deepEqual(machines.map(({ name, state }) => `${name} ${state}`).toSorted(), ["held paused", "runs running"]);
  assert.deepEqual((await bench.leftovers()).quarantine, []);
  assert.deepEqual((await client.call("prune.list", {})).items, []);
});

test("prune: a machine that is started meanwhile stays, and one that can not be removed stops no other", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  for (const name of ["late", "stuck", "idle"]) {
    await bench.create(client, name);
    await bench.ended(client, await client.call("vm.stop", { ref: name }));
  }
  const { id: stuck } = await client.call("vm.show", { ref: "stuck" });
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bench.onStep = async (step) => {
    if (step !== "boot files") return;
    reached.resolve();
    await gate.promise;
  };
  const start = await client.call("vm.start", { ref: "late" });
  await reached.promise;
  // It was stopped when somebody looked, and is on its way up when its turn comes.
  await rename(join(bench.paths.machines, stuck), join(bench.paths.machines, `${stuck}.aside`));
  await writeFile(join(bench.paths.machines, stuck), "no directory");
  const prune = await client.call("prune.run", {});
  gate.resolve();
  assert.equal((await bench.ended(client, start)).state, "done");
  const { items } = PruneResult.parse((await bench.ended(client, prune)).result);
  assert.ok(items.some(({ name, error }) => name === "idle" && !error));
  assert.ok(!items.some(({ name }) => name === "late"));
  assert.equal((await client.call("vm.show", { ref: "late" })).state, "running");
  await bench.ended(client, await client.call("vm.delete", { ref: "late" }));
  assert.equal(bench.host.running.length, 0);
});
