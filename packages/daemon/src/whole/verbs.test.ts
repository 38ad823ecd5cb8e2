/** What is done to machines that are there: restart, kill and signals, and what each meets under way. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import { FakeClock } from "@banger/platform/time/clock-fake";
import { GuestChannel } from "../services/guest/channel/guest-channel.ts";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted);
}

async function stateOf(client: Client, ref: string): Promise<string> {
  return (await client.call("vm.show", { ref })).state;
}

test("restart is one operation: the guest powers off, and comes back with another run", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const before = bench.host.machine(id);
  const end = await bench.ended(client, await client.call("vm.restart", { ref: "web" }));
  assert.equal(end.state, "done");
  assert.deepEqual(
    end.stages.map(({ name }) => name),
    ["stop", "prepare", "boot", "configure"],
  );
  assert.equal(before?.exit?.status, 0, "the guest was asked, and went by itself");
  assert.notEqual(bench.host.machine(id)?.spec.nonce, before?.spec.nonce);
  assert.equal(await stateOf(client, "web"), "running");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  assert.equal((await bench.ended(client, await client.call("vm.restart", { ref: "web" }))).state, "done");
  assert.equal(await stateOf(client, "web"), "running");
});

test("a machine that is deleted when it stops outlives its restart, unless that is cancelled in between", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web", { ephemeral: true });
  assert.equal((await bench.ended(client, await client.call("vm.restart", { ref: "web" }))).state, "done");
  assert.equal(await stateOf(client, "web"), "running");
  bench.onStep = async (step) => {
    if (step !== "accelerator") return;
    const { operations } = await client.call("operation.list", {});
    await client.call("operation.cancel", { operation: operations.at(-1)?.id ?? "" });
  };
  assert.equal((await bench.ended(client, await client.call("vm.restart", { ref: "web" }))).state, "cancelled");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

/** The steps that a restart passes, as one that succeeds has shown them. */
async function stepsOfRestart(): Promise<readonly string[]> {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  const before = bench.steps.length;
  await bench.ended(client, await client.call("vm.restart", { ref: "web" }));
  return bench.steps.slice(before);
}

for (const step of new Set(await stepsOfRestart())) {
  test(`restart: failing at ${step} leaves a machine that says so, runs nothing, and starts again`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const id = await bench.create(client, "web");
    bench.onStep = (at) => {
      if (at === step) throw new AppError("DISK_FULL", `injected at ${step}`);
    };
    const end = await bench.ended(client, await client.call("vm.restart", { ref: "web" }));
    assert.equal(end.state, "failed");
    assert.match(end.error?.message ?? "", new RegExp(`injected at ${step.replaceAll(/[()]/g, ".")}`));
    assert.equal(await stateOf(client, "web"), "failed");
    assert.deepEqual(await bench.leftovers(), { ...EMPTY, machines: [id] });
    bench.onStep = () => undefined;
    assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
  });
}

test("kill asks nobody: the VMM is ended, and the machine stays", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  assert.equal((await bench.ended(client, await client.call("vm.kill", { ref: "web" }))).state, "done");
  assert.equal(bench.host.machine(id)?.exit?.signal, "SIGKILL");
  assert.equal(await stateOf(client, "web"), "stopped");
  assert.equal((await bench.ended(client, await client.call("vm.kill", { ref: "web" }))).state, "done");
  assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
});

for (const request of ["vm.kill", "vm.delete"] as const) {
  test(`${request} does not wait for the time that a stop or a restart gave the guest`, async () => {
    for (const slow of ["vm.stop", "vm.restart"] as const) {
      await using bench = await DaemonBench.make();
      const client = await bench.start();
      const id = await bench.create(client, "web");
      bench.guests.powerOff = "ignores";
      const began = await client.call(slow, { ref: "web", graceMs: 600_000 });
      while ((await stateOf(client, "web")) !== "stopping");
      const ended = await bench.ended(client, await client.call(request, { ref: "web" }));
      assert.equal(ended.state, "done");
      assert.equal(bench.host.machine(id)?.exit?.signal, "SIGKILL");
      const { state } = await bench.ended(client, began);
      assert.equal(state, slow === "vm.stop" ? "done" : "cancelled");
      const { machines } = await client.call("vm.list", {});
      assert.deepEqual(
        machines.map((machine) => machine.state),
        request === "vm.kill" ? ["stopped"] : [],
      );
    }
  });
}

test("a restart is joined by a start and another restart, and refuses to come after a stop", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bench.onStep = async (step) => {
    if (step !== "boot files") return;
    reached.resolve();
    await gate.promise;
  };
  const restart = await client.call("vm.restart", { ref: "web" });
  await reached.promise;
  for (const method of ["vm.start", "vm.restart"] as const) {
    assert.deepEqual(await client.call(method, { ref: "web" }), restart);
  }
  const stop = await client.call("vm.stop", { ref: "web" });
  await assert.rejects(client.call("vm.restart", { ref: "web" }), { message: "web is to be stopped" });
  gate.resolve();
  assert.equal((await bench.ended(client, restart)).state, "cancelled");
  assert.equal((await bench.ended(client, stop)).state, "done");
  assert.equal(await stateOf(client, "web"), "stopped");
});

test("a signal goes to what was left running in this run of the machine, and to nothing else", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  await assert.rejects(client.call("exec.signal", { ref: "web", signal: 15 }), code("EXEC_NOT_FOUND"));
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  const listed = async () => (await client.call("exec.list", { ref: "web" })).commands;
  assert.deepEqual(await listed(), [{ exec, argv: ["sleep", "9"] }]);
  assert.deepEqual(await client.call("exec.signal", { ref: "web", signal: 15 }), { commands: [exec] });
  const { commands } = bench.guests.of(id).verbs;
  while (commands.list().some(({ ended }) => ended === 0)) await client.call("vm.list", {});
  await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  await bench.ended(client, await client.call("vm.kill", { ref: "web" }));
  await assert.rejects(client.call("exec.signal", { ref: "web", signal: 15 }), code("VM_NOT_RUNNING"));
  assert.deepEqual(await listed(), []);
  await bench.ended(client, await client.call("vm.start", { ref: "web" }));
  await assert.rejects(client.call("exec.signal", { ref: "web", signal: 15 }), code("EXEC_NOT_FOUND"));
});

test("refs are looked up at one moment, each as a single one is, for machines, images and kernels", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const resolve = async (kind: "machine" | "image" | "kernel", refs: string[]) =>
    (await client.call("ref.resolve", { kind, refs })).results.map((one) => ("id" in one ? one.id : one.error.code));
  assert.deepEqual(await resolve("machine", ["web", id.slice(0, 6), "nobody", id]), [id, id, "VM_NOT_FOUND", id]);
  assert.deepEqual(await resolve("image", ["minimal", "image0", "none"]), [
    ...["image0000001", "image0000001", "IMAGE_NOT_FOUND"],
  ]);
  assert.deepEqual(await resolve("kernel", ["debian", "none"]), ["kernel000001", "KERNEL_NOT_FOUND"]);
});

async function ended(bench: DaemonBench, client: Client, method: "vm.pause" | "vm.resume" | "vm.stop" | "vm.start") {
  const { state, error } = await bench.ended(client, await client.call(method, { ref: "web" }));
  return error?.code ?? state;
}

test("a paused machine refuses at once what needs its guest, and after resume its clock and name are told again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web", { environment: ["A=1"] });
  for (let i = 0; i < 2; i += 1) assert.equal(await ended(bench, client, "vm.pause"), "done");
  assert.equal(bench.host.machine(id)?.held, "paused");
  const { state, startedAt } = await client.call("vm.show", { ref: "web" });
  assert.deepEqual([state, startedAt === null], ["paused", false]);
  const paused = code("VM_PAUSED");
  await assert.rejects(client.call("exec.detach", { ref: "web", argv: ["true"] }), paused);
  await assert.rejects((await bench.connect()).upgrade("exec.run", { ref: "web", argv: ["true"] }), paused);
  await assert.rejects(client.call("port.forward", { ref: "web", ports: [{ host: 1, guest: 1 }] }), paused);
  await assert.rejects(client.call("exec.signal", { ref: "web", signal: 15 }), paused);
  await assert.rejects(client.call("vm.start", { ref: "web" }), paused);
  const told = bench.guests.of(id).verbs.configured.length;
  for (let i = 0; i < 2; i += 1) assert.equal(await ended(bench, client, "vm.resume"), "done");
  const { configured } = bench.guests.of(id).verbs;
  const last = configured.at(-1);
  assert.equal(configured.length, told + 1);
  assert.deepEqual([last?.hostname?.raw(), last?.environment.map(String)], ["web", ["A=1"]]);
  assert.ok(Math.abs(Number((last?.clock ?? 0n) / 1_000_000n) - Date.now()) < 60_000);
  assert.deepEqual(Object.keys(await client.call("exec.detach", { ref: "web", argv: ["true"] })), ["exec", "pid"]);
});

test("a machine that does not run can neither be paused nor resumed, and says so", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  for (const method of ["vm.pause", "vm.resume"] as const) {
    await assert.rejects(client.call(method, { ref: "web" }), { code: "VM_NOT_RUNNING", message: "web is stopped" });
  }
});

for (const method of ["vm.stop", "vm.restart", "vm.kill", "vm.delete"] as const) {
  test(`${method} of a paused machine does what it does to a running one`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const id = await bench.create(client, "web");
    const before = bench.host.machine(id);
    assert.equal(await ended(bench, client, "vm.pause"), "done");
    assert.equal((await bench.ended(client, await client.call(method, { ref: "web" }))).state, "done");
    const forced = method === "vm.kill" || method === "vm.delete";
    assert.equal(before?.exit?.signal, forced ? "SIGKILL" : null, "a guest that was given time powered off by itself");
    const { machines } = await client.call("vm.list", {});
    const left = { "vm.stop": ["stopped"], "vm.restart": ["running"], "vm.kill": ["stopped"], "vm.delete": [] };
    assert.deepEqual(
      machines.map(({ state }) => state),
      left[method],
    );
  });
}

test("pause and resume that fail leave the machine as it was, and the VMM too", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const { driver } = bench.life ?? {};
  assert.ok(driver);
  const failing = (wanted: string) => {
    let met = false;
    driver.onStep = (step) => {
      if (step !== wanted || met) return;
      met = true;
      throw new AppError("VMM_DIED", "injected");
    };
  };
  failing("pause");
  assert.equal(await ended(bench, client, "vm.pause"), "VMM_DIED");
  assert.deepEqual([await stateOf(client, "web"), bench.host.machine(id)?.held], ["running", "none"]);
  assert.equal(await ended(bench, client, "vm.pause"), "done");
  failing("resume");
  assert.equal(await ended(bench, client, "vm.resume"), "VMM_DIED");
  assert.deepEqual([await stateOf(client, "web"), bench.host.machine(id)?.held], ["paused", "paused"]);
  assert.equal(await ended(bench, client, "vm.resume"), "done");
});

for (const [written, really] of [
  ["running", true],
  ["paused", false],
  ["paused", true],
] as const) {
  test(`the next daemon asks the VMM: written ${written}, ${really ? "held" : "going on"}`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const id = await bench.create(client, "web");
    const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
    if (written === "paused") assert.equal(await ended(bench, client, "vm.pause"), "done");
    await bench.kill();
    const machine = bench.host.machine(id);
    assert.ok(machine);
    bench.host.hold(machine, really ? "paused" : "none");
    const next = await bench.start();
    assert.equal(await stateOf(next, "web"), really ? "paused" : "running");
    if (really) assert.equal(await ended(bench, next, "vm.resume"), "done");
    // What was left running is followed again, whenever the guest goes on.
    assert.deepEqual(await next.call("exec.signal", { ref: "web", signal: 15 }), { commands: [exec] });
    const { commands } = bench.guests.of(id).verbs;
    while (commands.list().length > 0) await next.call("vm.list", {}); // released when its end is on disk
    assert.equal(await ended(bench, next, "vm.stop"), "done");
  });
}

/** The clock by which guests are missed. */
function onFakeClock(bench: DaemonBench): FakeClock {
  const clock = new FakeClock();
  bench.ports = {
    openGuest: (vmm) =>
      GuestChannel.open({
        ...{ connect: (waiting) => vmm.connectAgent(waiting), session: randomBytes(16), build: "0.0.0+test", clock },
      }),
  };
  return clock;
}

test("a guest that its VMM holds, as on a full disk, is shown as paused once it is missed, and goes on with resume", async () => {
  await using bench = await DaemonBench.make();
  const clock = onFakeClock(bench);
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const machine = bench.host.machine(id);
  assert.ok(machine);
  bench.host.hold(machine, "no-space");
  const asked = client.call("port.list", { ref: "web" }).catch(() => undefined);
  while ((await stateOf(client, "web")) === "running") clock.advance(1_000);
  const { state, lastError } = await client.call("vm.show", { ref: "web" });
  assert.deepEqual([state, lastError?.code], ["paused", "DISK_FULL"]);
  assert.equal((await bench.ended(client, await client.call("vm.resume", { ref: "web" }))).state, "done");
  assert.equal((await client.call("vm.show", { ref: "web" })).lastError, null);
  await asked;
});

test("a guest whose agent says nothing is shown as such once it is missed, and as before when it speaks again", async () => {
  await using bench = await DaemonBench.make();
  const clock = onFakeClock(bench);
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const mute = (held: boolean) => {
    for (const gate of bench.host.machine(id)?.gates ?? []) gate.hold(held);
  };
  mute(true);
  const asked = client.call("port.list", { ref: "web" });
  const shown = async () => {
    const { state, lastError } = await client.call("vm.show", { ref: "web" });
    return [state, lastError?.code];
  };
  while ((await shown())[1] !== "GUEST_SILENT") clock.advance(1_000);
  assert.deepEqual(await shown(), ["running", "GUEST_SILENT"]);
  mute(false);
  await asked;
  assert.deepEqual(await shown(), ["running", undefined]);
});

/** What is asked of a VMM that was stopped, and whether the order has reached it all the same. */
for (const [method, before, reached] of [
  ["vm.pause", "running", false],
  ["vm.pause", "running", true],
  ["vm.resume", "paused", false],
  ["vm.resume", "paused", true],
] as const) {
  test(`${method} of a machine whose VMM is stopped fails once, and its row tells what that said last (${reached ? "it obeys later" : "it never heard"})`, async () => {
    await using bench = await DaemonBench.make();
    const clock = new FakeClock(Date.now());
    bench.ports = { clock };
    const client = await bench.start();
    const id = await bench.create(client, "web");
    const machine = bench.host.machine(id);
    assert.ok(machine);
    if (before === "paused") assert.equal(await ended(bench, client, "vm.pause"), "done");
    bench.host.freeze(machine, true);
    const asked: string[] = [];
    const { driver } = bench.life ?? {};
    assert.ok(driver);
    driver.onStep = (step) => void asked.push(step);
    const { state, error } = await bench.ended(client, await client.call(method, { ref: "web" }));
    assert.deepEqual([state, error?.code], ["failed", "VMM_SILENT"]);
    assert.equal(
      error?.message,
      `web can not be ${method === "vm.pause" ? "paused" : "resumed"}: its VMM does not answer`,
    );
    assert.deepEqual(asked.slice(0, 1), [method.slice(3)]);
    assert.ok(
      !asked.includes(method === "vm.pause" ? "resume" : "pause"),
      "it is not asked to take back what it has not heard",
    );
    const now = await client.call("vm.show", { ref: "web" });
    assert.deepEqual([now.state, now.lastError?.code], [before, "VMM_SILENT"]);
    while (clock.sleeping === 0) await client.call("vm.list", {});
    if (reached) bench.host.hold(machine, before === "running" ? "paused" : "none");
    bench.host.freeze(machine, false);
    const really = reached === (before === "running") ? "paused" : "running";
    const isTold = async () => {
      const { state, lastError } = await client.call("vm.show", { ref: "web" });
      return state === really && lastError === null;
    };
    while (!(await isTold())) clock.advance(5_000);
    if (really === "paused") assert.equal(await ended(bench, client, "vm.resume"), "done");
    assert.equal(await ended(bench, client, "vm.stop"), "done");
  });
}

for (const request of ["vm.kill", "vm.delete"] as const) {
  test(`${request} does not wait for a VMM that is asked to pause or to go on`, async () => {
    for (const slow of ["vm.pause", "vm.resume"] as const) {
      await using bench = await DaemonBench.make();
      const client = await bench.start();
      const id = await bench.create(client, "web");
      if (slow === "vm.resume") assert.equal(await ended(bench, client, "vm.pause"), "done");
      const { driver } = bench.life ?? {};
      assert.ok(driver);
      const reached = Promise.withResolvers<void>();
      driver.onStep = (step, machine) => {
        if (`vm.${step}` !== slow || !machine) return;
        reached.resolve();
        return bench.host.exited(machine).then(() => undefined); // until it is gone it says nothing
      };
      const began = await client.call(slow, { ref: "web" });
      await reached.promise;
      assert.equal((await bench.ended(client, await client.call(request, { ref: "web" }))).state, "done");
      const { error } = await bench.ended(client, began);
      assert.deepEqual([error?.code, error?.message.includes("cleaned up")], ["VMM_DIED", false]);
      assert.deepEqual(await bench.leftovers(), { ...EMPTY, machines: request === "vm.kill" ? [id] : [] });
    }
  });
}

test("the next daemon finds a VMM stopped: the machine is as it was written, and says why it may not be so", async () => {
  await using bench = await DaemonBench.make();
  await bench.create(await bench.start(), "web");
  await bench.kill();
  const machine = bench.host.running[0];
  assert.ok(machine);
  bench.host.freeze(machine, true);
  const clock = new FakeClock(Date.now());
  bench.ports = { clock };
  const next = await bench.start();
  const show = async () => await next.call("vm.show", { ref: "web" });
  const { state, lastError } = await show();
  assert.deepEqual([state, lastError?.code], ["running", "VMM_SILENT"]);
  bench.host.freeze(machine, false);
  while ((await show()).lastError !== null) clock.advance(5_000);
  assert.equal((await show()).state, "running");
});
