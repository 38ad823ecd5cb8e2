/** What the next daemon finds: machines that run, rows without machines, machines without rows, and rubbish. */
import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { systemClock } from "@banger/platform/time/clock";
import { RETURN_MS } from "../services/exec/exec-service.ts";
import { Database } from "../store/database.ts";
import { migrations } from "../store/migrations.ts";
import { type Client, DaemonBench } from "../testing/daemon-bench.ts";

const EMPTY = { machines: [], quarantine: [], proofs: [], processes: 0 };

async function shownState(client: Client, ref: string) {
  const { state, lastError } = await client.call("vm.show", { ref });
  return { state, lastError };
}

for (const how of ["stop", "kill"] as const) {
  test(`a running machine outlives its daemon's ${how}: it is adopted, commands run, a delete leaves nothing`, async () => {
    await using bench = await DaemonBench.make();
    const id = await bench.create(await bench.start(), "web");
    await bench[how]();
    assert.equal(bench.host.running.length, 1);
    const client = await bench.start();
    assert.equal((await shownState(client, "web")).state, "running");
    assert.deepEqual(Object.keys(await client.call("exec.detach", { ref: id, argv: ["true"] })), ["exec", "pid"]);
    await bench.ended(client, await client.call("vm.delete", { ref: "web" }));
    assert.deepEqual(await bench.leftovers(), EMPTY);
  });
}

test("a background command goes on over the death of its daemon, and its log misses nothing", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const script = "echo before; sleep 9; echo after";
  const { exec } = await client.call("exec.detach", { ref: "web", argv: ["sh", "-c", script] });
  await untilLogged(bench, client, "before\n");
  await bench.kill();
  const next = await bench.start();
  bench.guests.of(id).verbs.commands.signal(exec, 15);
  assert.match(await untilLogged(bench, next, "signal"), /^before\n/);
});

test("what attached clients had running is hung up by the next daemon if they do not come back; what was left running and what is new is not", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  const id = await bench.create(client, "web");
  const { exec: kept } = await client.call("exec.detach", { ref: "web", argv: ["sleep", "9"] });
  for (const more of [{}, { tty: { rows: 24, columns: 80 } }, { stdin: true }]) {
    const other = await bench.connect();
    await other.upgrade("exec.run", { ref: "web", argv: ["sleep", "9"], ...more });
  }
  const { commands } = bench.guests.of(id).verbs;
  assert.equal(commands.list().length, 4);
  const hour = Promise.withResolvers<void>();
  const sleep: typeof systemClock.sleep = (ms, waiting) =>
    ms === RETURN_MS ? hour.promise : systemClock.sleep(ms, waiting);
  bench.ports = { clock: { ...systemClock, sleep } };
  await bench.kill();
  const next = await bench.start();
  const attached = await bench.connect();
  await attached.upgrade("exec.run", { ref: "web", argv: ["sleep", "9"] });
  assert.equal(commands.list().length, 5);
  hour.resolve();
  while (commands.list().length > 2) await next.call("vm.list", {});
  assert.ok(commands.list().some((one) => one.id === kept));
  for (let i = 0; i < 20; i += 1) await next.call("vm.list", {});
  assert.deepEqual(
    commands.list().map(({ ended }) => ended),
    [0, 0],
  );
});

/** Reads the command log until it holds `text` or the command has ended. */
async function untilLogged(bench: DaemonBench, client: Client, text: string): Promise<string> {
  for (;;) {
    const { machines } = await client.call("vm.list", {});
    const folder = join(bench.paths.machines, machines[0]?.id ?? "", "commands");
    let seen = "";
    for (const name of await readdir(folder).catch(() => [])) {
      const command = await readFile(join(folder, name, "command.json"), "utf8").catch(() => "");
      const log = await readFile(join(folder, name, "output/000000.ndjson"), "utf8").catch(() => "");
      for (const line of log.split("\n").filter(Boolean)) seen += Buffer.from(JSON.parse(line).data, "base64");
      if (seen.includes(text) || command.includes(`"${text}"`)) return seen;
    }
  }
}

test("a machine that died with nobody there is stopped and says so; an ephemeral one is gone", async () => {
  await using bench = await DaemonBench.make();
  const first = await bench.start();
  await bench.create(first, "web");
  await bench.create(first, "fleeting", { ephemeral: true });
  await bench.kill();
  for (const machine of bench.host.running) bench.host.end(machine, { status: 0, signal: null });
  const client = await bench.start();
  const expected = { code: "VMM_DIED", message: "the VMM ended while no daemon was there" };
  assert.deepEqual(await shownState(client, "web"), { state: "stopped", lastError: expected });
  assert.equal((await client.call("vm.list", {})).machines.length, 1);
});

test("an ephemeral machine that was kept because its guest failed is kept by the next daemon, until it is deleted", async () => {
  await using bench = await DaemonBench.make();
  bench.guests.answers = false;
  bench.host.console = "Kernel panic - not syncing: oops\r\n";
  bench.machines = { ...bench.machines, bootMs: 50 };
  const first = await bench.start();
  const params = { name: "web", image: "minimal", ephemeral: true };
  const { error } = await bench.ended(first, await first.call("vm.create", params));
  assert.equal(error?.code, "GUEST_PANICKED");
  const kept = await shownState(first, "web");
  assert.deepEqual([kept.state, kept.lastError?.code], ["failed", "GUEST_PANICKED"]);
  await bench.kill();
  const client = await bench.start();
  assert.deepEqual(await shownState(client, "web"), kept);
  assert.equal((await bench.ended(client, await client.call("vm.delete", { ref: "web" }))).state, "done");
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

test("after a reboot of the host nothing runs, and no process of another is touched", async () => {
  await using bench = await DaemonBench.make();
  const id = await bench.create(await bench.start(), "web");
  const pid = bench.host.machine(id)?.handles.launcher.pid ?? 0;
  await bench.kill();
  bench.host.processes.reboot();
  const stranger = bench.host.processes.start(["stranger"], { pid });
  const client = await bench.start();
  assert.equal((await shownState(client, "web")).state, "stopped");
  assert.ok(bench.host.processes.isAlive(stranger));
});

test("a delete that lost its daemon is finished by the next one", async () => {
  await using bench = await DaemonBench.make();
  const client = await bench.start();
  await bench.create(client, "web");
  const reached = Promise.withResolvers<void>();
  assert.ok(bench.life);
  bench.life.driver.onStep = async (step) => {
    if (step !== "sweep") return;
    reached.resolve();
    await new Promise<never>(() => undefined);
  };
  await client.call("vm.delete", { ref: "web" });
  await reached.promise;
  await bench.kill();
  const next = await bench.start();
  assert.deepEqual((await next.call("vm.list", {})).machines, []);
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

test("handles that cannot be read: the VMM is found by its nonce and ended", async () => {
  await using bench = await DaemonBench.make();
  const id = await bench.create(await bench.start(), "web");
  await bench.kill();
  await writeFile(join(bench.paths.machines, id, "handles.json"), '{"driver":');
  const client = await bench.start();
  assert.equal((await shownState(client, "web")).state, "stopped");
  assert.equal((await bench.leftovers()).processes, 0);
});

for (const damage of ["lost", "overwritten"] as const) {
  test(`a database that is ${damage} is rebuilt from the manifests, and what runs is adopted`, async () => {
    await using bench = await DaemonBench.make();
    const first = await bench.start();
    const running = await bench.create(first, "web");
    await bench.create(first, "idle");
    await bench.ended(first, await first.call("vm.stop", { ref: "idle" }));
    await bench.kill();
    for (const suffix of ["-wal", "-shm"]) await rm(bench.paths.database + suffix, { force: true });
    if (damage === "lost") await rm(bench.paths.database);
    else await writeFile(bench.paths.database, "this is no database, whatever its name says. ".repeat(40));
    const client = await bench.start();
    assert.deepEqual(await shownState(client, "web"), { state: "running", lastError: null });
    assert.deepEqual(await shownState(client, "idle"), { state: "stopped", lastError: null });
    assert.equal(bench.host.machine(running)?.exit, undefined);
    const kept = (await readdir(bench.config.state)).some((name) => name.startsWith("banger.db.damaged-"));
    assert.equal(kept, damage === "overwritten");
  });
}

test("a database of a newer banger is refused, and the daemon leaves no socket and no lock", async () => {
  await using bench = await DaemonBench.make();
  const newer = [...migrations, { name: "later", sql: "CREATE TABLE later (x TEXT) STRICT" }];
  Database.open(bench.paths.database, { migrations: newer })[Symbol.dispose]();
  await assert.rejects(bench.start(), (error) => AppError.is(error, "SCHEMA_NEWER"));
  assert.deepEqual(await readdir(bench.config.runtime), []);
  await rm(bench.paths.database);
  await bench.start(); // the lock is free
});

test("directories that belong to nobody go to quarantine, doctor shows them, and nothing runs on in them", async () => {
  await using bench = await DaemonBench.make();
  const id = await bench.create(await bench.start(), "web");
  await bench.kill();
  for (const suffix of ["", "-wal", "-shm"]) await rm(bench.paths.database + suffix, { force: true });
  await rm(join(bench.paths.machines, id, "manifest.json"));
  await mkdir(join(bench.paths.machines, "lost+found"));
  await mkdir(join(bench.paths.quarantine, "lost+found", "older"), { recursive: true });
  const client = await bench.start();
  const left = await bench.leftovers();
  assert.deepEqual([left.machines, left.processes], [[], 0]);
  assert.deepEqual(new Set(left.quarantine), new Set([id, "lost+found", "lost+found.1"]));
  const { rows } = await client.call("doctor.run", {});
  assert.match(
    rows.find(({ check }) => check === "quarantine")?.detail ?? "",
    new RegExp(`^3 without an owner.*${id}`),
  );
});

test("a row whose directory is gone can be deleted, and one without a manifest is adopted", async () => {
  await using bench = await DaemonBench.make();
  const first = await bench.start();
  const gone = await bench.create(first, "gone");
  const bare = await bench.create(first, "bare");
  await bench.ended(first, await first.call("vm.stop", { ref: "gone" }));
  await bench.kill();
  await rm(join(bench.paths.machines, gone), { recursive: true });
  await rm(join(bench.paths.machines, bare, "manifest.json"));
  const client = await bench.start();
  assert.equal((await shownState(client, "bare")).state, "running");
  for (const ref of ["gone", "bare"]) {
    assert.equal((await bench.ended(client, await client.call("vm.delete", { ref }))).state, "done");
  }
  assert.deepEqual(await bench.leftovers(), EMPTY);
});

test("a proof of KVM that lost its daemon is ended by the next one", async () => {
  await using bench = await DaemonBench.make();
  await bench.create(await bench.start(), "web");
  const nonce = "bng-left-behind";
  const directory = join(bench.paths.proofs, nonce);
  await mkdir(directory);
  const spec = bench.host.running[0]?.spec;
  assert.ok(spec);
  bench.host.spawn({ ...spec, directory, nonce });
  await bench.kill();
  await bench.start();
  const { proofs, processes } = await bench.leftovers();
  assert.deepEqual([proofs, processes], [[], 2]);
});

test("a machine that cannot be reconciled is shown as failed, and stops neither the daemon nor the others", async () => {
  await using bench = await DaemonBench.make();
  const first = await bench.start();
  const broken = await bench.create(first, "broken");
  await bench.create(first, "well");
  await bench.kill();
  for (const machine of bench.host.running) {
    if (machine.spec.id === broken) bench.host.end(machine, { status: 1, signal: null });
  }
  bench.onDriverStep = (step) => {
    if (step === "sweep") throw new Error("the sweep fails");
  };
  const client = await bench.start();
  assert.deepEqual(await shownState(client, "broken"), {
    ...{ state: "failed", lastError: { code: "INTERNAL", message: "it was not cleaned up whole" } },
  });
  assert.equal((await shownState(client, "well")).state, "running");
  if (bench.life) bench.life.driver.onStep = () => undefined;
  assert.equal((await bench.ended(client, await client.call("vm.start", { ref: "broken" }))).state, "done");
});
