/** Machines through the daemon's socket: what a client asks, and what is on the host afterwards. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted);
}

async function states(client: Client): Promise<Record<string, string>> {
  const { machines } = await client.call("vm.list", {});
  return Object.fromEntries(machines.map(({ name, state }) => [name, state]));
}

test("create, start, stop, delete: each leaves what it says, and the last leaves nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const shown = await client.call("vm.show", { ref: "web" });
  assert.equal(shown.state, "running");
  assert.equal(shown.agent?.role, "pid1");
  assert.equal((await bench.leftovers()).processes, 2);

  const stopped = await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  assert.equal(stopped.state, "done");
  assert.equal(bench.host.machine(id)?.exit?.status, 0, "the guest was asked, and went by itself");
  assert.equal((await client.call("vm.show", { ref: id })).state, "stopped");
  assert.deepEqual(await bench.leftovers(), { ...EMPTY, machines: [id] });

  assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
  assert.equal((await bench.ended(client, await client.call("vm.delete", { ref: "web" }))).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
  assert.deepEqual((await client.call("vm.list", {})).machines, []);
});

test("a create tells its stages in order, each with its time", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const end = await bench.ended(client, await client.call("vm.create", { name: "web", image: "minimal" }));
  assert.deepEqual(
    end.stages.map(({ name }) => name),
    ["prepare", "boot", "configure"],
  );
  assert.ok(end.stages.every(({ durationMs }) => durationMs !== null));
});

test("the guest is told who it is, and its environment reaches no log", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web", { environment: ["TOKEN=hunter2"] });
  const told = bench.guests.of(id).verbs.configured.at(-1);
  assert.equal(told?.hostname?.raw(), "web");
  assert.deepEqual(told?.environment.map(String), ["TOKEN=hunter2"]);
  bench.onStep = () => {
    throw new AppError("INTERNAL", "injected");
  };
  await bench.ended(client, await client.call("vm.create", { image: "minimal", environment: ["TOKEN=hunter2"] }));
  const bad = { ref: "web", argv: ["true"], environment: ["hunter2"] };
  await assert.rejects(client.call("exec.detach", bad), code("USAGE"));
  assert.ok(bench.log.length > 0);
  assert.doesNotMatch(JSON.stringify(bench.log), /hunter2/);
});

test("every line that an operation causes carries its id", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const { operation } = await client.call("vm.create", { name: "web", image: "minimal" });
  await bench.ended(client, { operation });
  const lines = bench.log.filter(({ fields }) => fields.operation === operation);
  assert.deepEqual(
    lines.map(({ event }) => event),
    ["operation begun", "operation done"],
  );
});

test("names are looked up exactly before prefixes of ids, and beta is free beside beta-sandbox", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const sandbox = await bench.create(client, "beta-sandbox");
  await assert.rejects(client.call("vm.show", { ref: "beta" }), code("VM_NOT_FOUND"));
  const beta = await bench.create(client, "beta");
  assert.equal((await client.call("vm.show", { ref: "beta" })).id, beta);
  assert.equal((await client.call("vm.show", { ref: sandbox.slice(0, 8) })).name, "beta-sandbox");
});

test("of two creates at once with one name, one has it and the other leaves nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const began = await Promise.all([1, 2].map(() => client.call("vm.create", { name: "web", image: "minimal" })));
  const ends = await Promise.all(began.map((each) => bench.ended(client, each)));
  assert.deepEqual(ends.map(({ state }) => state).toSorted(), ["done", "failed"]);
  assert.equal(ends.find(({ state }) => state === "failed")?.error?.code, "NAME_TAKEN");
  const { machines, processes } = await bench.leftovers();
  assert.deepEqual([machines.length, processes], [1, 2]);
});

test("a start that is asked for twice is one start, and outlives the client that asked first", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const other = await bench.connect();
  await bench.create(client, "web");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  const gate = Promise.withResolvers<void>();
  bench.onStep = (step) => (step === "memory: preflight" ? gate.promise : undefined);
  const first = await client.call("vm.start", { ref: "web" });
  const second = await other.call("vm.start", { ref: "web" });
  assert.equal(first.operation, second.operation);
  client.close();
  const end = bench.ended(other, second);
  gate.resolve();
  assert.equal((await end).state, "done");
  assert.equal(bench.host.running.length, 1);
});

test("a create whose client goes away is undone; detached it goes on", async () => {
  await using bench = await DaemonBench.make();
  const watcher = await bench.start();
  for (const detached of [false, true]) {
    const client = await bench.connect();
    const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    bench.onStep = async (step) => {
      if (step !== "work disk: prepare") return;
      reached.resolve();
      await gate.promise;
    };
    const { operation } = await client.call("vm.create", { name: "web", image: "minimal" });
    await reached.promise;
    if (detached) await client.call("operation.detach", { operation });
    client.close();
    await client.closed;
    // What the kernel told before these answers is known to the daemon behind them.
    for (let i = 0; i < 3; i += 1) await watcher.call("operation.list", {});
    gate.resolve();
    const end = await bench.ended(watcher, { operation });
    assert.equal(end.state, detached ? "done" : "cancelled");
    assert.deepEqual(await states(watcher), detached ? { web: "running" } : {});
  }
});

test("a delete interrupts a machine that starts, and a stop waits for a delete", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const reached = Promise.withResolvers<void>();
  bench.guests.answers = false;
  bench.onStep = (step) => (step === "start the VMM done" ? reached.resolve() : undefined);
  const create = await client.call("vm.create", { name: "web", image: "minimal" });
  await reached.promise;
  const gone = await client.call("vm.delete", { ref: "web" });
  await assert.rejects(client.call("vm.start", { ref: "web" }), code("VM_BUSY"));
  const stop = await client.call("vm.stop", { ref: "web" });
  assert.equal(stop.operation, gone.operation);
  assert.equal((await bench.ended(client, create)).state, "cancelled");
  assert.equal((await bench.ended(client, gone)).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

test("a guest that does not power off is ended when its grace is over, and a second stop joins the first", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  bench.guests.powerOff = "ignores";
  const stop = await client.call("vm.stop", { ref: "web", graceMs: 50 });
  assert.equal((await client.call("vm.stop", { ref: "web" })).operation, stop.operation);
  assert.equal((await bench.ended(client, stop)).state, "done");
  assert.equal(bench.host.machine(id)?.exit?.signal, "SIGKILL");
});

test("what is already so is answered at once: stop of a stopped machine, start of a running one", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
  assert.equal(bench.host.running.length, 1);
  for (let i = 0; i < 2; i += 1) {
    assert.equal((await bench.ended(client, await client.call("vm.stop", { ref: "web" }))).state, "done");
  }
  assert.deepEqual(await states(client), { web: "stopped" });
});

for (const [console, wanted, message] of [
  ["Kernel panic - not syncing: VFS: no root\r\nCPU: 0\r\n", "GUEST_PANICKED", /web panicked: VFS: no root$/],
  [`Kernel panic - not syncing: oops\r\n${"trace\r\n".repeat(40)}`, "GUEST_PANICKED", /panicked: oops$/],
  [
    "banger: fatal: the root disk did not appear\r\n",
    "GUEST_PANICKED",
    /web cannot boot: the root disk did not appear/,
  ],
  [
    "hello \x1b[2Jworld\r\nlast\r\n",
    "GUEST_SILENT",
    /within 50 ms; its console ends with: hello \\x1b\[2Jworld \| last$/,
  ],
] as const) {
  test(`a guest that never answers is ${wanted} and keeps its machine: ${JSON.stringify(console.slice(0, 40))}`, async () => {
    await using bench = await DaemonBench.make();
    bench.guests.answers = false;
    bench.host.console = console;
    bench.machines = { ...bench.machines, bootMs: 50 };
    const client = await bench.start();
    const end = await bench.ended(client, await client.call("vm.create", { name: "web", image: "minimal" }));
    assert.equal(end.error?.code, wanted);
    assert.match(end.error?.message ?? "", message);
    const { state, lastError, id } = await client.call("vm.show", { ref: "web" });
    assert.deepEqual([state, lastError?.code], ["failed", wanted]);
    assert.deepEqual(await bench.leftovers(), { ...EMPTY, machines: [id] });
  });
}

for (const [file, wanted, hint] of [
  ["kernels/kernel000001/vmlinuz", "KERNEL_CORRUPT", /^Delete the kernel and pull it again\.$/],
  ["kernels/kernel000001/modules.ext4", "KERNEL_CORRUPT", /^Delete the kernel/],
  ["images/image0000001/root.ext4", "IMAGE_CORRUPT", /`banger image delete image0000001`/],
] as const) {
  test(`a guest that does not come up from ${file} that was changed is ${wanted}, and leaves nothing`, async () => {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    await bench.create(client, "well");
    bench.guests.answers = false;
    bench.onStep = (step) => {
      if (step !== "start the VMM done") return;
      for (const { spec } of bench.host.running) if (spec.id !== well) end(bench, spec.id);
    };
    const well = (await client.call("vm.show", { ref: "well" })).id;
    const path = join(bench.config.state, file);
    const content = await readFile(path);
    content[3] = 0x5a;
    await writeFile(path, content);
    const { error } = await bench.ended(client, await client.call("vm.create", { name: "web", image: "minimal" }));
    assert.equal(error?.code, wanted, error?.message);
    assert.match(error?.message ?? "", /(?:vmlinuz|modules|root)\S* .*is not what was (?:pulled|built)$/);
    assert.match(error?.hint ?? "", hint);
    assert.deepEqual((await bench.leftovers()).machines, [well]);
  });
}

function end(bench: DaemonBench, id: string): void {
  const machine = bench.host.machine(id);
  if (machine) bench.host.end(machine, { status: 1, signal: null });
}

test("a VMM that dies before its guest is up says how, and its machine is kept", async () => {
  await using bench = await DaemonBench.make();
  bench.guests.answers = false;
  const client = await bench.start();
  bench.onStep = (step) => {
    if (step !== "start the VMM done") return;
    for (const machine of bench.host.running) bench.host.end(machine, { status: 1, signal: null });
  };
  const end = await bench.ended(client, await client.call("vm.create", { name: "web", image: "minimal" }));
  assert.equal(end.error?.code, "VMM_DIED");
  assert.match(end.error?.message ?? "", /^the VMM of web ended with status 1 before the guest was up/);
  assert.equal((await bench.leftovers()).machines.length, 1);
});

test("a VMM that dies at its start leaves nothing", async () => {
  await using bench = await DaemonBench.make();
  bench.host.diesEarly = { status: 1, signal: null };
  const client = await bench.start();
  const end = await bench.ended(client, await client.call("vm.create", { name: "web", image: "minimal" }));
  assert.equal(end.error?.code, "VMM_START_FAILED");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

/** Resolves when the machine's end was dealt with: the queue of a machine is served in order. */
async function settled(bench: DaemonBench, client: Client, ref: string): Promise<void> {
  try {
    await bench.ended(client, await client.call("vm.stop", { ref, graceMs: 0 }));
  } catch (error) {
    if (!AppError.is(error, "VM_NOT_FOUND")) throw error;
  }
}

test("a guest that powers itself off is a stopped machine, and an ephemeral one is gone", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  for (const name of ["kept", "fleeting"]) {
    const id = await bench.create(client, name, { ephemeral: name === "fleeting" });
    const machine = bench.host.machine(id);
    assert.ok(machine);
    bench.host.end(machine, { status: 0, signal: null });
    await settled(bench, client, name);
  }
  assert.deepEqual(await states(client), { kept: "stopped" });
  assert.equal((await bench.leftovers()).machines.length, 1);
});

test("a start right after a guest's own power-off waits until that is dealt with", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const machine = bench.host.machine(id);
  assert.ok(machine && bench.life);
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bench.life.driver.onStep = async (step) => {
    if (step !== "sweep") return;
    reached.resolve();
    await gate.promise;
  };
  bench.host.end(machine, { status: 0, signal: null });
  await reached.promise;
  assert.equal((await client.call("vm.show", { ref: "web" })).state, "stopping");
  const start = await client.call("vm.start", { ref: "web" });
  gate.resolve();
  assert.equal((await bench.ended(client, start)).state, "done");
  assert.deepEqual([await states(client), bench.host.running.length], [{ web: "running" }, 1]);
});

test("a kernel that panics under a running machine resets like a power-off, and is told apart by its console", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const machine = bench.host.machine(id);
  assert.ok(machine);
  await appendFile(join(machine.spec.directory, "console.log"), "Kernel panic - not syncing: sysrq\r\n");
  bench.host.end(machine, { status: 0, signal: null });
  let shown = await client.call("vm.show", { ref: "web" });
  while (shown.state === "running" || shown.state === "stopping") shown = await client.call("vm.show", { ref: "web" });
  const lastError = { code: "GUEST_PANICKED", message: "the kernel of web panicked: sysrq" };
  assert.deepEqual([shown.state, shown.lastError], ["failed", lastError]);
});

test("a VMM that dies under a running machine is a failed machine that says so and can be started again", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const machine = bench.host.machine(id);
  assert.ok(machine);
  bench.host.end(machine, { status: null, signal: "SIGSEGV" });
  let shown = await client.call("vm.show", { ref: "web" });
  while (shown.state === "running" || shown.state === "stopping") shown = await client.call("vm.show", { ref: "web" });
  const message = "the VMM of web ended with SIGSEGV; its console ends with: booting";
  assert.deepEqual(shown.lastError, { code: "VMM_DIED", message });
  assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "web" }))).state, "done");
  assert.equal((await client.call("vm.show", { ref: "web" })).lastError, null);
});

test("a command runs in a machine with its streams, and a machine that is stopped has none", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  const other = await bench.connect();
  const { mux } = await other.upgrade("exec.run", { ref: "web", argv: ["echo", "hello"] });
  const output = mux.stream(1);
  const chunks: Buffer[] = [];
  output.on("data", (chunk: Buffer) => chunks.push(chunk));
  await once(output, "end");
  assert.equal(Buffer.concat(chunks).toString(), "hello\n");
  await bench.ended(client, await client.call("vm.stop", { ref: "web" }));
  await assert.rejects(client.call("exec.detach", { ref: "web", argv: ["true"] }), code("VM_NOT_RUNNING"));
});

test("a guest that broke the protocol is told by list and show, runs on, and is whole after a new start", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const { mux } = bench.guests.of(id);
  mux.control.send.push(new Uint8Array(64).fill(0xff)); // a message longer than any may be
  mux.touch(mux.control);
  const [view] = await until(
    async () => (await client.call("vm.list", {})).machines,
    ([machine]) => machine?.agent === null,
  );
  assert.deepEqual([view?.state, view?.lastError?.code], ["running", "GUEST_PROTOCOL"]);
  assert.match(view?.lastError?.message ?? "", /^the guest's agent broke the protocol: .*until it is started again$/);
  assert.ok(bench.log.some(({ event }) => event === "the guest is not spoken to any more"));
  for (const method of ["vm.stop", "vm.start"] as const)
    await bench.ended(client, await client.call(method, { ref: "web" }));
  const { state, lastError, agent } = await client.call("vm.show", { ref: "web" });
  assert.deepEqual([state, lastError, agent?.role], ["running", null, "pid1"]);
});

async function until<T>(ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isRight(answer)) return answer;
  }
}

test("a create without a name is told by the one that it gets, and until then as what it is", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const subjects = async () => (await client.call("operation.list", {})).operations.map(({ subject }) => subject);
  await bench.ended(client, await client.call("vm.create", { image: "nope" }));
  const made = await bench.ended(client, await client.call("vm.create", { image: "minimal" }));
  const [machine] = (await client.call("vm.list", {})).machines;
  assert.equal(made.subject, machine?.name);
  assert.deepEqual(await subjects(), ["a new machine", machine?.name]);
});
