/** A create that fails, is cancelled, or loses its daemon at any step leaves the host as it was. */
import assert from "node:assert/strict";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { DaemonBench } from "../testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };
const PARAMS = { name: "web", image: "minimal" };

/** The steps that a create passes, as a first one that succeeds has shown them. */
async function stepsOfCreate(): Promise<readonly string[]> {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  return [...bench.steps];
}

const steps = await stepsOfCreate();

test("the steps of a create are what the loops below take them for", () => {
  const wanted = ["accelerator", "memory: preflight", "root disk: prepare", "boot files done", "start the VMM done"];
  for (const step of [...wanted, "work disk: after start done"]) {
    assert.ok(steps.includes(step), `${step} is not among ${steps.join(", ")}`);
  }
});

for (const step of steps) {
  test(`create: failing at ${step} leaves the host as it was`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    bench.onStep = (at) => {
      if (at === step) throw new AppError("DISK_FULL", `injected at ${step}`);
    };
    const end = await bench.ended(client, await client.call("vm.create", PARAMS));
    assert.deepEqual([end.state, end.error?.message], ["failed", `injected at ${step}`]);
    assert.deepEqual(await bench.leftovers(), EMPTY);
    assert.deepEqual((await client.call("vm.list", {})).machines, []);
    bench.onStep = () => undefined;
    await bench.create(client, "web"); // the name is free again, and nothing is in the way
  });

  test(`create: cancelled at ${step} leaves the host as it was`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const other = await bench.connect();
    bench.onStep = async (at) => {
      if (at !== step) return;
      const { operations } = await other.call("operation.list", {});
      for (const { id } of operations) await other.call("operation.cancel", { operation: id });
    };
    const end = await bench.ended(client, await client.call("vm.create", PARAMS));
    assert.deepEqual([end.state, end.error?.code], ["cancelled", "CANCELLED"]);
    assert.deepEqual(await bench.leftovers(), EMPTY);
    assert.deepEqual((await client.call("vm.list", {})).machines, []);
  });

  test(`create: the daemon killed at ${step}, the next one leaves the host as it was`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const reached = Promise.withResolvers<void>();
    bench.onStep = async (at) => {
      if (at !== step) return;
      reached.resolve();
      await new Promise<never>(() => undefined);
    };
    await client.call("vm.create", PARAMS);
    await reached.promise;
    await bench.kill();
    bench.onStep = () => undefined;
    const next = await bench.start();
    assert.deepEqual(await bench.leftovers(), EMPTY);
    assert.deepEqual((await next.call("vm.list", {})).machines, []);
  });
}

test("an undo that fails is told beside the first cause, and a delete tries again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  bench.onStep = (at) => {
    if (at !== "memory: preflight done") return;
    const { driver } = bench.life ?? {};
    if (driver)
      driver.onStep = (step) => {
        if (step === "sweep") throw new Error("the sweep fails");
      };
    throw new AppError("MEMORY_SHORT", "injected");
  };
  const end = await bench.ended(client, await client.call("vm.create", PARAMS));
  assert.equal(end.error?.code, "MEMORY_SHORT");
  assert.match(end.error?.message ?? "", /^injected; and web was not cleaned up whole/);
  assert.match(String(end.error?.facts?.left), /the sweep fails/);
  assert.equal((await client.call("vm.show", { ref: "web" })).state, "failed");
  if (bench.life) bench.life.driver.onStep = () => undefined;
  assert.equal((await bench.ended(client, await client.call("vm.delete", { ref: "web" }))).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

/** Faults that the file system itself brings; each is put in the way at a step before it is met. */
const faults: Readonly<Record<string, { at: string; put: (directory: string) => Promise<unknown> }>> = {
  "a folder where the root disk goes": { at: "root disk: prepare", put: (to) => mkdir(join(to, "root.qcow2.new")) },
  "a folder where the handles go": { at: "start the VMM", put: (to) => mkdir(join(to, "handles.json")) },
  "no directory any more": { at: "work disk: prepare", put: (to) => rm(to, { recursive: true }) },
};

for (const [what, { at, put }] of Object.entries(faults)) {
  test(`create: ${what} is a failure that leaves nothing running, and a delete mends what is left`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    bench.onStep = async (step) => {
      if (step !== at) return;
      const [id = ""] = await readdir(bench.paths.machines);
      await put(join(bench.paths.machines, id));
    };
    const end = await bench.ended(client, await client.call("vm.create", PARAMS));
    assert.equal(end.state, "failed");
    assert.deepEqual(await bench.leftovers(), EMPTY);
    for (const { id } of (await client.call("vm.list", {})).machines) {
      assert.equal((await bench.ended(client, await client.call("vm.delete", { ref: id }))).state, "done");
    }
    assert.deepEqual((await client.call("vm.list", {})).machines, []);
  });
}

test("create: a full disk is DISK_FULL wherever it shows, and names the machine", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  for (const step of ["root disk: prepare", "work disk: prepare", "boot files"]) {
    bench.onStep = (at) => {
      if (at === step) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    const { error } = await bench.ended(client, await client.call("vm.create", PARAMS));
    assert.deepEqual([error?.code, error?.message], ["DISK_FULL", "no space left on the disk for the files of web"]);
    assert.deepEqual(await bench.leftovers(), EMPTY);
  }
});

test("create and delete: a file system that has become read-only is told as such, and what is left goes when it is mended", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const path = join(bench.paths.machines, "x");
  const readOnly = Object.assign(new Error("EROFS: read-only file system, open"), { code: "EROFS", path });
  bench.onStep = (at) => {
    if (at === "work disk: prepare") throw readOnly;
  };
  const { error } = await bench.ended(client, await client.call("vm.create", PARAMS));
  const message = `${path} can not be written: its file system is read-only`;
  assert.deepEqual([error?.code, error?.message], ["STATE_UNWRITABLE", message]);
  assert.deepEqual(await bench.leftovers(), EMPTY);
  bench.onStep = () => undefined;
  const id = await bench.create(client, "web");
  assert.ok(bench.life);
  bench.life.driver.onStep = (at) => {
    if (at === "sweep") throw readOnly;
  };
  const { error: left } = await bench.ended(client, await client.call("vm.delete", { ref: id }));
  assert.deepEqual(
    [left?.code, left?.message],
    ["STATE_UNWRITABLE", `web was not cleaned up whole: remove sockets: ${message}`],
  );
  const { state, lastError } = await client.call("vm.show", { ref: id });
  assert.deepEqual([state, lastError?.code, bench.host.running.length], ["failed", "STATE_UNWRITABLE", 0]);
  bench.life.driver.onStep = () => undefined;
  assert.equal((await bench.ended(client, await client.call("vm.delete", { ref: id }))).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});
