/** Waiting for machines and their commands: what is told, and when nobody can be told any more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

function code(wanted: ErrorCode): (error: unknown) => boolean {
  return (error) => AppError.is(error, wanted);
}

/** Resolves when the daemon has taken what was sent before on this connection. */
async function taken(client: Client): Promise<void> {
  for (let i = 0; i < 3; i += 1) await client.call("vm.list", {});
}

test("a machine without a command is waited for until it has stopped, whoever stopped it", async () => {
  for (const how of ["stop", "off", "delete"] as const) {
    await using bench = await DaemonBench.make();
    const client = await bench.start();
    const id = await bench.create(client, "web");
    const waiting = client.call("vm.wait", { ref: "web" });
    await taken(client);
    const machine = bench.host.machine(id);
    assert.ok(machine);
    if (how === "off") bench.host.end(machine, { status: 0, signal: null });
    else await bench.ended(client, await client.call(`vm.${how}`, { ref: "web" }));
    const { name, end, machine: shown } = await waiting;
    assert.deepEqual([name, end, shown?.state], ["web", null, how === "delete" ? undefined : "stopped"]);
    if (how !== "delete") assert.equal((await client.call("vm.wait", { ref: "web" })).machine?.state, "stopped");
  }
});

test("a pause is no end, and a machine that fails is one that tells why", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const waiting = client.call("vm.wait", { ref: "web", for: "stopped" });
  await bench.ended(client, await client.call("vm.pause", { ref: "web" }));
  await bench.ended(client, await client.call("vm.resume", { ref: "web" }));
  const machine = bench.host.machine(id);
  assert.ok(machine);
  bench.host.end(machine, { status: null, signal: "SIGSEGV" });
  // It is stopped for a moment before it is known to have failed.
  assert.ok(["stopped", "failed"].includes((await waiting).machine?.state ?? ""));
});

test("wait for running: a machine that is started, and not one that is deleted before", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  for (const name of ["web", "db"]) {
    await bench.ended(client, await client.call("vm.create", { name, image: "minimal", start: false }));
  }
  const [web, db] = ["web", "db"].map((ref) => client.call("vm.wait", { ref, for: "running" }));
  await taken(client);
  await bench.ended(client, await client.call("vm.start", { ref: "web" }));
  assert.equal((await web)?.machine?.state, "running");
  assert.ok(db);
  const refused = assert.rejects(db, { code: "VM_NOT_FOUND", message: "db was deleted before it ran" });
  await bench.ended(client, await client.call("vm.delete", { ref: "db" }));
  await refused;
});

test("the last command that was left running is waited for, and told again afterwards", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  const waiting = client.call("vm.wait", { ref: "web" });
  await taken(client);
  bench.guests.of(id).verbs.commands.signal(exec, 15);
  assert.deepEqual((await waiting).end, { signal: 15 });
  assert.deepEqual((await client.call("vm.wait", { ref: "web" })).end, { signal: 15 });
  await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", "exit 3"] });
  assert.deepEqual((await client.call("vm.wait", { ref: "web" })).end, { status: 3 });
});

test("a machine that goes with its command still tells how that ended", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web", { ephemeral: true });
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"], thenDelete: true });
  const waiting = client.call("vm.wait", { ref: "web" });
  await taken(client);
  bench.guests.of(id).verbs.commands.signal(exec, 9);
  assert.deepEqual((await waiting).end, { signal: 9 });
});

test("a command that its machine took with it has no end that anybody knows", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  const waiting = client.call("vm.wait", { ref: "web" });
  const cut = { code: "VM_NOT_RUNNING", message: "web stopped before its command had ended" };
  const refused = assert.rejects(waiting, cut);
  await taken(client);
  await bench.ended(client, await client.call("vm.kill", { ref: "web" }));
  await refused;
  await bench.ended(client, await client.call("vm.start", { ref: "web" }));
  await assert.rejects(client.call("vm.wait", { ref: "web" }), cut);
});

test("the next daemon waits for what the last one followed", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  const cut = assert.rejects(client.call("vm.wait", { ref: "web" }));
  await bench.kill();
  await cut;
  const next = await bench.start();
  const waiting = next.call("vm.wait", { ref: "web" });
  await taken(next);
  bench.guests.of(id).verbs.commands.signal(exec, 15);
  assert.deepEqual((await waiting).end, { signal: 15 });
});

test("who waits gives up by a time or a signal, and is told what is not there", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  await assert.rejects(client.call("vm.wait", { ref: "web", timeoutMs: 5 }), {
    ...{ code: "TIMEOUT", message: "waited 5 ms for web to stop" },
  });
  const leaving = new AbortController();
  const left = assert.rejects(client.call("vm.wait", { ref: "web" }, { signal: leaving.signal }));
  await taken(client);
  leaving.abort(new AppError("CANCELLED", "gone"));
  await left;
  await assert.rejects(client.call("vm.wait", { ref: "nobody" }), code("VM_NOT_FOUND"));
  await assert.rejects(client.call("vm.wait", { ref: "web", for: "command" }), code("EXEC_NOT_FOUND"));
  assert.equal((await client.call("vm.show", { ref: "web" })).state, "running");
});
