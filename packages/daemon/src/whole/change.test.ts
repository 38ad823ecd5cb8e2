/** Machines that are changed while they exist: names, sizes and variables, and what a failure on the way leaves. */
import assert from "node:assert/strict";
import { readFile, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import { VmName } from "@banger/contract/names";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const MIB = 2 ** 20;
const [web, shop, db] = ["web", "shop", "db"].map((name) => VmName.parse(name));

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted);
}

/** All that a change could have touched: row, manifest, work disk, VMM and guest. */
async function everywhere(bench: DaemonBench, client: Client, id: string) {
  const { name, vcpus, memoryMib, diskMib, nextStart } = await client.call("vm.show", { ref: id });
  const { run, ...manifest } = JSON.parse(await readFile(join(bench.paths.machines, id, "manifest.json"), "utf8"));
  assert.ok(run);
  const told = bench.guests.of(id).verbs.configured.at(-1);
  return {
    row: { name, vcpus, memoryMib, diskMib, nextStart },
    manifest,
    fileMib: (await stat(join(bench.paths.machines, id, "work.ext4"))).size / MIB,
    vmmMib: (bench.host.machine(id)?.diskBytes.get(1) ?? 0) / MIB,
    guest: [told?.hostname?.raw(), told?.environment.map(String)],
  };
}

test("rename of a running machine: row, manifest, guest and what refers to it, while what runs in it goes on", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web", { environment: ["A=1"] });
  await bench.create(client, "db");
  assert.ok(shop && web && db);
  assert.equal((await client.call("vm.rename", { ref: "web", name: shop })).name, "shop");
  const { row, manifest, guest } = await everywhere(bench, client, id);
  assert.deepEqual([row.name, manifest.name, guest], ["shop", "shop", ["shop", ["A=1"]]]);
  await assert.rejects(client.call("vm.show", { ref: "web" }), code("VM_NOT_FOUND"));
  await assert.rejects(client.call("vm.rename", { ref: "shop", name: db }), {
    ...{ code: "NAME_TAKEN", message: "there is a machine named db already" },
  });
  assert.equal((await everywhere(bench, client, id)).row.name, "shop");
  assert.equal((await client.call("vm.rename", { ref: "shop", name: shop })).name, "shop");
  await client.call("vm.rename", { ref: "db", name: web }); // its old name is free
  assert.equal(bench.host.running.length, 2);
});

test("of two renames to one name at once, one machine has it", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  for (const name of ["web", "db"]) await bench.create(client, name);
  assert.ok(shop);
  const both = await Promise.allSettled(["web", "db"].map((ref) => client.call("vm.rename", { ref, name: shop })));
  assert.deepEqual(both.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
});

test("a machine that is renamed while it is paused, or does not run, is told its name when it goes on", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  assert.ok(shop && db);
  await bench.ended(client, await client.call("vm.pause", { ref: "web" }));
  await client.call("vm.rename", { ref: "web", name: shop });
  assert.equal(bench.guests.of(id).verbs.configured.at(-1)?.hostname?.raw(), "web");
  await bench.ended(client, await client.call("vm.resume", { ref: "shop" }));
  assert.equal(bench.guests.of(id).verbs.configured.at(-1)?.hostname?.raw(), "shop");
  await bench.ended(client, await client.call("vm.stop", { ref: "shop" }));
  await client.call("vm.rename", { ref: "shop", name: db });
  await bench.ended(client, await client.call("vm.start", { ref: "db" }));
  assert.equal(bench.guests.of(id).verbs.configured.at(-1)?.hostname?.raw(), "db");
});

test("set: disk and variables at once, processors and memory from the next start, which the answer tells", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web", { environment: ["A=1", "B=2"] });
  const before = await client.call("vm.show", { ref: "web" });
  const asked = { vcpus: 3, memoryMib: 2048, diskMib: 10_240, environment: ["B=3", "C=4"] };
  const answer = await client.call("vm.set", { ref: "web", ...asked });
  assert.deepEqual([answer.vcpus, answer.memoryMib, answer.diskMib], [before.vcpus, before.memoryMib, 10_240]);
  assert.deepEqual(answer.nextStart, { vcpus: 3, memoryMib: 2048 });
  const now = await everywhere(bench, client, id);
  assert.deepEqual([now.fileMib, now.vmmMib, now.guest], [10_240, 10_240, ["web", ["A=1", "B=3", "C=4"]]]);
  await bench.kill();
  const next = await bench.start();
  assert.deepEqual((await next.call("vm.show", { ref: "web" })).nextStart, answer.nextStart);
  assert.equal((await bench.ended(next, await next.call("vm.restart", { ref: "web" }))).state, "done");
  const after = await next.call("vm.show", { ref: "web" });
  assert.deepEqual([after.vcpus, after.memoryMib, after.nextStart], [3, 2048, null]);
  const { spec } = bench.host.machine(id) ?? {};
  assert.deepEqual([spec?.vcpus, spec?.memoryMib], [3, 2048]);
});

test("a variable that is unset is there no longer, the last one too, and neither is one whose setting was undone", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web", { environment: ["A=1", "B=2"] });
  const seen = async (name: string) => {
    const runner = await bench.connect();
    const { mux } = await runner.upgrade("exec.run", { ref: "web", argv: ["printenv", name] });
    return await text(mux.stream(execStreams.stdout));
  };
  assert.deepEqual((await client.call("vm.set", { ref: "web", unset: ["A", "C"] })).variables, ["B"]);
  assert.deepEqual([await seen("A"), await seen("B")], ["", "2\n"]);
  assert.deepEqual((await client.call("vm.set", { ref: "web", unset: ["B"] })).variables, []);
  assert.equal(await seen("B"), "");
  bench.onStep = (step) => {
    if (step === "work disk: apply change") throw new AppError("GUEST_REFUSED", "injected");
  };
  const failing = { ref: "web", environment: ["D=4"], diskMib: 10_240 };
  await assert.rejects(client.call("vm.set", failing), code("GUEST_REFUSED"));
  assert.equal(await seen("D"), "");
  bench.onStep = () => undefined;
  const both = { ref: "web", environment: ["E=new"], unset: ["E"] };
  assert.deepEqual((await client.call("vm.set", both)).variables, ["E"]);
});

test("set of a machine that does not run: its disk grows at its next start", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const work = join(bench.paths.machines, id, "work.ext4");
  const { size } = await stat(work);
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  const answer = await client.call("vm.set", { ref: "web", diskMib: 9_000, vcpus: 2 });
  assert.deepEqual([answer.diskMib, answer.vcpus, answer.nextStart], [9_000, 2, null]);
  assert.equal((await stat(work)).size, size);
  await bench.ended(client, await client.call("vm.start", { ref: "web" }));
  assert.equal((await stat(work)).size, 9_000 * MIB);
});

test("what can not be is refused with its numbers, and changes nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const before = await everywhere(bench, client, id);
  await assert.rejects(client.call("vm.set", { ref: "web", diskMib: 1024, vcpus: 2 }), {
    ...{ code: "SIZE_INVALID", message: "the work disk of web has 8 GiB, and can not shrink to 1 GiB" },
  });
  await assert.rejects(client.call("vm.set", { ref: "web", memoryMib: 8192 }), code("MEMORY_SHORT"));
  await assert.rejects(client.call("vm.set", { ref: "nobody", vcpus: 1 }), code("VM_NOT_FOUND"));
  assert.deepEqual(await everywhere(bench, client, id), before);
  await bench.ended(client, await client.call("vm.pause", { ref: "web" }));
  await assert.rejects(client.call("vm.set", { ref: "web", diskMib: 10_240 }), code("VM_PAUSED"));
  assert.equal((await client.call("vm.set", { ref: "web", vcpus: 2 })).nextStart?.vcpus, 2);
});

const ASKED = { vcpus: 2, diskMib: 10_240, environment: ["B=2"] };

/** The steps that a change of a running machine passes, as one that succeeds has shown them. */
async function stepsOfChange(): Promise<readonly string[]> {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  const before = bench.steps.length;
  await client.call("vm.set", { ref: "web", ...ASKED });
  return bench.steps.slice(before);
}

const steps = await stepsOfChange();

test("the steps of a change are what the loop below takes them for", () => {
  assert.ok(steps.includes("identity: apply change") && steps.includes("work disk: apply change"), steps.join(", "));
});

for (const step of [...steps.filter((one) => one !== "work disk: apply change done"), "the VMM"]) {
  test(`set: failing at ${step} leaves the machine as it was`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const id = await bench.create(client, "web", { environment: ["A=1"] });
    const before = await everywhere(bench, client, id);
    bench.onStep = (at) => {
      if (at === step) throw new AppError("DISK_FULL", "injected");
    };
    let met = false;
    assert.ok(bench.life);
    bench.life.driver.onStep = (at) => {
      if (step !== "the VMM" || at !== "resize" || met) return;
      met = true;
      throw new AppError("DISK_FULL", "injected");
    };
    await assert.rejects(client.call("vm.set", { ref: "web", ...ASKED }), { code: "DISK_FULL", message: "injected" });
    const after = await everywhere(bench, client, id);
    assert.deepEqual({ ...after, vmmMib: 0 }, before);
    assert.ok(after.vmmMib === 0 || after.vmmMib === 8192);
    bench.onStep = () => undefined;
    assert.equal((await client.call("vm.set", { ref: "web", ...ASKED })).diskMib, 10_240);
  });
}

test("a guest that was told of its larger disk keeps it, whatever it answers, and grows when it is asked again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  bench.guests.of(id).verbs.growFailure = "the file system is damaged";
  await assert.rejects(client.call("vm.set", { ref: "web", diskMib: 10_240 }), code("GUEST_REFUSED"));
  const now = await everywhere(bench, client, id);
  assert.deepEqual([now.row.diskMib, now.manifest.diskMib, now.fileMib, now.vmmMib], Array(4).fill(10_240));
  bench.guests.of(id).verbs.growFailure = undefined;
  assert.equal((await client.call("vm.set", { ref: "web", diskMib: 10_240 })).diskMib, 10_240);
});

test("a change that lost its daemon between row and manifest, or before the VMM, is made whole by the next one", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  assert.ok(shop);
  const manifest = join(bench.paths.machines, id, "manifest.json");
  const old = await readFile(manifest);
  await client.call("vm.rename", { ref: "web", name: shop });
  await client.call("vm.set", { ref: "shop", diskMib: 10_240 });
  await bench.kill();
  const machine = bench.host.machine(id);
  assert.ok(machine);
  machine.diskBytes.set(1, 8192 * MIB);
  await writeFile(manifest, old);
  await truncate(join(bench.paths.machines, id, "work.ext4"), 8192 * MIB);
  const next = await bench.start();
  assert.equal(JSON.parse(await readFile(manifest, "utf8")).name, "shop");
  await next.call("vm.set", { ref: "shop", diskMib: 10_240 });
  const { fileMib, vmmMib, row } = await everywhere(bench, next, id);
  assert.deepEqual([row.name, row.diskMib, fileMib, vmmMib], ["shop", 10_240, 10_240, 10_240]);
});

test("a disk that is larger than is written down is never cut off", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  await truncate(join(bench.paths.machines, id, "work.ext4"), 12_288 * MIB);
  await client.call("vm.set", { ref: "web", diskMib: 10_240 });
  const { fileMib, vmmMib } = await everywhere(bench, client, id);
  assert.deepEqual([fileMib, vmmMib], [12_288, 12_288]);
});
