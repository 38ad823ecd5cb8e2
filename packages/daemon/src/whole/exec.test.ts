/** Commands in machines through the daemon's socket: streams, ends, logs, and what becomes of those left running. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, linkSync, renameSync, symlinkSync } from "node:fs";
import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { ExecEnd } from "@banger/contract/daemon/exec";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

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

test("clients that go before they are served leave no command, at whatever moment that is", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  const { commands } = bench.guests.of(id).verbs;
  for (let turns = 0; turns < 30; turns += 1) {
    const other = await bench.connect();
    const asked = other.upgrade("exec.run", { ref: "web", argv: ["sleep", "9"] });
    asked.then(({ mux }) => mux.destroy(new AppError("CANCELLED", "gone"))).catch(() => undefined);
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate);
    other.close();
  }
  assert.ok(commands.started > 0);
  while (commands.list().length > 0) await client.call("vm.list", {});
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

/** A log that is followed: `until` resolves when it is what is wanted, `said` is what came with its end. */
async function followLog(bench: DaemonBench, params: { source: "console" | "command"; tail?: number; since?: number }) {
  const client = await bench.connect();
  const { mux } = await client.upgrade("vm.logs", { ref: "web", follow: true, ...params });
  const seen = { text: "" };
  mux.stream(0).on("data", (chunk: Buffer) => {
    seen.text += String(chunk);
  });
  const until = async (wanted: string) => {
    while (seen.text.length < wanted.length) await once(mux.stream(0), "data");
    assert.equal(seen.text, wanted);
  };
  return { mux, until, said: text(mux.stream(1)) };
}

test("a followed console goes on over a stop and a start, and ends with the machine's deletion", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  const log = await followLog(bench, { source: "console" });
  await log.until("booting\r\n");
  await appendFile(join(bench.paths.machines, id, "console.log"), "more\n");
  await log.until("booting\r\nmore\n");
  await bench.ended(client, await client.call("vm.stop", { ref: "web", graceMs: 1_000 }));
  await appendFile(join(bench.paths.machines, id, "console.log"), "stopped\n");
  await log.until("booting\r\nmore\nstopped\n");
  await bench.ended(client, await client.call("vm.delete", { ref: "web" }));
  assert.match(await log.said, /\n\{"end":"deleted"\}\n$/);
});

test("followed output of a command ends when the command has; the last lines and the time are chosen", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  const script = "echo one; echo two; sleep 9";
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", script] });
  while (!(await logOf(bench, "command")).includes("two")) await client.call("vm.list", {});
  const whole = await followLog(bench, { source: "command" });
  const tail = await followLog(bench, { source: "command", tail: 1 });
  const later = await followLog(bench, { source: "command", since: Date.now() + 60_000 });
  await whole.until("one\ntwo\n");
  await tail.until("two\n");
  bench.guests.of(id).verbs.commands.signal(exec, 15);
  for (const { said } of [whole, tail, later]) assert.match(await said, /\n\{"end":"all"\}\n$/);
  await later.until("");
});

test("clients of a followed log that go away or never read leave nothing, and hold nobody up", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", "seq 200000; sleep 9"] });
  const held = () => process.getActiveResourcesInfo().filter((name) => /FSEvent|FileHandle/.test(name)).length;
  const before = held();
  for (const source of ["console", "command"] as const) {
    const other = await bench.connect();
    const { mux } = await other.upgrade("vm.logs", { ref: "web", follow: true, source });
    if (source === "console") await once(mux.stream(0), "readable");
    mux.destroy(new AppError("CANCELLED", "gone"));
  }
  const deaf = await bench.connect();
  await deaf.upgrade("vm.logs", { ref: "web", follow: true, source: "command" });
  while (!(await logOf(bench, "command")).endsWith("200000\n")) await client.call("vm.list", {});
  await bench.ended(client, await client.call("vm.delete", { ref: "web" }));
  while (held() > before) await client.call("vm.list", {});
  assert.deepEqual((await bench.leftovers()).machines, [], id);
});

test("a disk that is full for a while costs a command left running none of its output", async () => {
  const { bench, client, id } = await running();
  await using _ = bench;
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["seq", "500000"] });
  const log = join(bench.paths.machines, id, "commands", exec, "output", "000000.ndjson");
  while (!existsSync(log)) await client.call("vm.list", {});
  linkSync(log, `${log}.aside`);
  symlinkSync("/dev/full", `${log}.full`);
  renameSync(`${log}.full`, log);
  while (!bench.log.some(({ event }) => event.startsWith("no space for the output"))) await client.call("vm.list", {});
  renameSync(`${log}.aside`, log);
  while (!(await logOf(bench, "command")).endsWith("\n500000\n")) await client.call("vm.list", {});
  const lines = (await logOf(bench, "command")).split("\n");
  assert.ok(lines.slice(0, -1).every((line, index) => line === `${index + 1}`));
  const command = async () => JSON.parse(await readFile(join(log, "../../command.json"), "utf8"));
  while ((await command()).end === null) await client.call("vm.list", {});
  assert.deepEqual((await command()).end, { status: 0 });
});

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
