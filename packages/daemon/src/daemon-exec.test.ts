/** Commands in machines through the daemon's socket: streams, ends, logs, and what becomes of those left running. */
import assert from "node:assert/strict";
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { ExecEnd } from "@banger/contract/daemon/exec";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import { type Client, DaemonBench } from "./testing/daemon-bench.ts";

type Run = { out: string; err: string; end: ExecEnd };

async function run(
  bench: DaemonBench,
  argv: string[],
  options: { input?: string; orders?: unknown[] } = {},
): Promise<Run> {
  const client = await bench.connect();
  const { mux } = await client.upgrade("exec.run", { ref: "web", argv, stdin: options.input !== undefined });
  const control = mux.stream(execStreams.control);
  for (const order of options.orders ?? []) control.write(`${JSON.stringify(order)}\n`);
  mux.stream(execStreams.stdin).end(options.input ?? "");
  const [out, err, said] = await Promise.all([
    text(mux.stream(execStreams.stdout)),
    text(mux.stream(execStreams.stderr)),
    text(control),
  ]);
  return { out, err, end: JSON.parse(said.trim().split("\n").at(-1) ?? "") };
}

async function running(): Promise<{ bench: DaemonBench; client: Client; id: string }> {
  const bench = await DaemonBench.make();
  const client = await bench.start();
  return { bench, client, id: await bench.create(client, "web") };
}

test("streams are kept apart, input ends, statuses and signals are passed on", async () => {
  const { bench } = await running();
  await using _ = bench;
  assert.deepEqual(await run(bench, ["cat"], { input: "to and fro\n" }), {
    ...{ out: "to and fro\n", err: "", end: { status: 0 } },
  });
  assert.deepEqual(await run(bench, ["sh", "-c", "echo out; echo err >&2; exit 7"]), {
    ...{ out: "out\n", err: "err\n", end: { status: 7 } },
  });
  assert.deepEqual((await run(bench, ["sleep", "9"], { orders: [{ signal: 15 }] })).end, { signal: 15 });
});

test("an order that is nonsense costs the command nothing", async () => {
  const { bench } = await running();
  await using _ = bench;
  const orders = ["nonsense", { resize: { rows: 0, columns: 0 } }, { signal: 15 }];
  assert.deepEqual((await run(bench, ["sleep", "9"], { orders })).end, { signal: 15 });
});

test("more output than any window holds arrives whole", async () => {
  const { bench } = await running();
  await using _ = bench;
  const { out, end } = await run(bench, ["seq", "200000"]);
  assert.deepEqual(end, { status: 0 });
  assert.ok(out.startsWith("1\n2\n") && out.endsWith("199999\n200000\n"));
  assert.equal(out.split("\n").length, 200_001);
});

test("a command that is not there says so before any stream", async () => {
  const { bench } = await running();
  await using _ = bench;
  const client = await bench.connect();
  await assert.rejects(client.upgrade("exec.run", { ref: "web", argv: ["nowhere"] }), (error) =>
    AppError.is(error, "COMMAND_NOT_FOUND"),
  );
});

test("a client that goes away hangs its command up", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  const other = await bench.connect();
  const { mux } = await other.upgrade("exec.run", { ref: "web", argv: ["sleep", "9"] });
  assert.equal(bench.guests.of(id).verbs.commands.list().length, 1);
  mux.destroy(new AppError("CANCELLED", "gone"));
  while (bench.guests.of(id).verbs.commands.list().length > 0) await client.call("vm.list", {});
});

for (const { what, console, exit, code, message } of [
  {
    what: "a kernel that panics",
    ...{ console: "Kernel panic - not syncing: sysrq\r\n", exit: { status: 0, signal: null } },
    ...{ code: "GUEST_PANICKED", message: /^the kernel of web panicked: sysrq$/ },
  },
  {
    what: "a VMM that dies",
    ...{ console: "last words\r\n", exit: { status: null, signal: "SIGSEGV" } },
    ...{ code: "VMM_DIED", message: /^the VMM of web ended with SIGSEGV; its console ends with: .*last words$/ },
  },
  {
    what: "a guest that powers itself off",
    ...{ console: "", exit: { status: 0, signal: null } },
    ...{ code: "VM_NOT_RUNNING", message: /^web powered itself off$/ },
  },
] as const) {
  for (const ephemeral of [false, true]) {
    test(`${what} ends the attached commands with the reason${ephemeral ? ", in a machine that goes with it, too" : ""}`, async () => {
      await using bench = await DaemonBench.make();
      const client = await bench.start();
      const id = await bench.create(client, "web", { ephemeral });
      const command = run(bench, ["sleep", "9"]);
      while (bench.guests.of(id).verbs.commands.list().length === 0) await client.call("vm.list", {});
      await appendFile(join(bench.paths.machines, id, "console.log"), console);
      const machine = bench.host.machine(id);
      assert.ok(machine);
      bench.host.end(machine, exit);
      const { end } = await command;
      assert.ok("error" in end, JSON.stringify(end));
      assert.equal(end.error.code, code);
      assert.match(end.error.message, message);
      if (code !== "VM_NOT_RUNNING") assert.equal(/deleted/.test(end.error.hint ?? ""), ephemeral, end.error.hint);
      if (ephemeral && console !== "") assert.match(end.error.hint ?? "", new RegExp(console.trim().slice(-12)));
    });
  }
}

for (const request of ["vm.stop", "vm.delete"] as const) {
  test(`${request} ends the attached commands with the reason`, async () => {
    const { bench, client, id } = await running();
    await using _ = bench;
    const command = run(bench, ["sleep", "9"]);
    while (bench.guests.of(id).verbs.commands.list().length === 0) await client.call("vm.list", {});
    bench.guests.powerOff = "ignores";
    await bench.ended(client, await client.call(request, { ref: "web", ...(request === "vm.stop" && { graceMs: 1 }) }));
    const { end } = await command;
    assert.ok("error" in end, JSON.stringify(end));
    assert.deepEqual([end.error.code, end.error.message], ["VM_NOT_RUNNING", "web was stopped"]);
  });
}

test("what a command left running wrote is in the machine's log, and the console is another one", async () => {
  const { bench, client } = await running();
  await using _ = bench;
  await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", "echo one; echo two >&2"] });
  let seen = "";
  while (!seen.includes("one") || !seen.includes("two")) seen = await logOf(bench, "command");
  assert.equal(await logOf(bench, "console"), "booting\r\n");
  assert.equal(await logOf(bench, "vmm"), "");
});

async function logOf(bench: DaemonBench, source: "console" | "command" | "vmm"): Promise<string> {
  const client = await bench.connect();
  const { mux } = await client.upgrade("vm.logs", { ref: "web", source });
  return await text(mux.stream(0));
}

async function untilGone(client: Client): Promise<void> {
  for (let left = 1; left > 0; ) left = (await client.call("vm.list", {})).machines.length;
}

test("a machine that was to go with its command goes when that has ended", async () => {
  const { bench, client } = await running();
  await using _ = bench;
  await client.call("exec.detach", { ref: "web", argv: ["true"], thenDelete: true });
  await untilGone(client);
  assert.equal(bench.host.running.length, 0);
});

test("it goes, too, when the daemon died after the command's end and before the deletion", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"], thenDelete: true });
  await bench.kill();
  const folder = join(bench.paths.machines, id, "commands");
  const [name = ""] = await readdir(folder);
  const file = join(folder, name, "command.json");
  await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, "utf8")), end: { status: 0 } }));
  await untilGone(await bench.start());
  assert.equal(bench.host.running.length, 0);
});

test("a command that the agent has forgotten is lost, and costs the others nothing", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  const { exec: forgotten } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  await bench.kill();
  bench.guests.of(id).forget({ reboot: true });
  await bench.start();
  const file = join(bench.paths.machines, id, "commands", forgotten, "command.json");
  let command = "";
  while (!command.includes("lost")) command = await readFile(file, "utf8");
  assert.match(command, /the machine was started anew/);
});
