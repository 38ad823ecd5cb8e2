/** The command line as a process: pipes, terminals, signals, devices. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { builtAt, commit, version } from "@banger/contract/version";
import { heard, outcome, World } from "./testing/world.ts";

test("--version is one line", async () => {
  await using world = await World.make();
  const line = `banger ${version} (${commit}, built ${builtAt})\n`;
  assert.deepEqual(await outcome(world.spawn(["--version"])), { status: 0, stdout: line, stderr: "" });
});

test("50 MB go through as they are, in the time that the reader takes, and without growth", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const child = world.spawn(["exec", "web", "bytes", String(50_000_000)]);
  const hash = createHash("sha256");
  let bytes = 0;
  let peakKib = 0;
  for await (const chunk of child.stdout) {
    bytes += chunk.length;
    hash.update(chunk);
    peakKib = peakResidentKib(child.pid) ?? peakKib;
  }
  const block = Buffer.alloc(50_000_000, Buffer.from(Array.from({ length: 256 }, (_, value) => value)));
  assert.equal(bytes, block.length);
  assert.equal(hash.digest("hex"), createHash("sha256").update(block).digest("hex"));
  assert.ok(peakKib > 0 && peakKib < 160 << 10, `${peakKib} KiB`);
});

function peakResidentKib(pid: number | undefined): number | undefined {
  try {
    return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
  } catch {
    return undefined; // it has ended
  }
}

test("stdin is binary, and its end is forwarded while output goes on", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const child = world.spawn(["exec", "-i", "web", "cat"]);
  const sent = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(sent);
  const { status } = await outcome(child);
  assert.equal(status, 0);
  assert.ok(Buffer.concat(chunks).equals(sent));
});

test("a signal before ready undoes; the process says so and exits 130", async () => {
  await using world = await World.make();
  world.daemon.createGate = new Promise(() => undefined);
  const child = world.spawn(["run", "--", "true"]);
  const ended = outcome(child);
  await world.daemon.created;
  child.kill("SIGINT");
  const ran = await ended;
  assert.deepEqual([ran.status, world.daemon.machines.size], [130, 0]);
  assert.match(ran.stderr, /banger: interrupted by SIGINT\nhint: Nothing was left behind.\n$/);
});

test("signals after ready are the command's; a second Ctrl-C at once ends it", async () => {
  await using world = await World.make();
  const child = world.spawn(["run", "-q", "--rm", "--", "orders"]);
  await heard(child.stdout, "waiting");
  child.kill("SIGTERM");
  assert.deepEqual(await outcome(child), { status: 143, stdout: '{"signal":15}\n', stderr: "" });
  assert.equal(world.daemon.machines.size, 0);

  world.daemon.addMachine("web");
  const other = world.spawn(["exec", "web", "orders"]);
  await heard(other.stdout, "waiting");
  other.kill("SIGINT");
  await heard(other.stdout, '{"signal":2}');
  other.kill("SIGINT");
  const { status, stdout } = await outcome(other);
  assert.deepEqual([status, stdout], [137, '{"signal":9}\n']);
});

test("Ctrl-C ends those who only watch, while nothing comes", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  world.daemon.background = { argv: ["orders"], tty: false };
  for (const argv of [
    ["logs", "-f"],
    ["attach", "--no-stdin"],
  ]) {
    const child = world.spawn([...argv, "web"]);
    await heard(child.stdout, argv[0] === "logs" ? "red" : "waiting");
    child.kill("SIGINT");
    const { status, stderr } = await outcome(child);
    assert.deepEqual([status, stderr], [130, ""], argv[0]);
  }
});

test("a command that no signal reaches is left at the third, with a word; --rm takes its machine along", async () => {
  await using world = await World.make();
  const child = world.spawn(["run", "-q", "--name", "web", "--rm", "--", "deaf"]);
  await heard(child.stdout, "waiting");
  for (let times = 0; times < 2; times += 1) {
    child.kill("SIGINT");
    await heard(child.stdout, '"signal":');
  }
  child.kill("SIGTERM");
  const { status, stderr } = await outcome(child);
  assert.deepEqual([status, world.daemon.machines.size], [143, 0]);
  assert.match(stderr, /^banger: gave up waiting for the command; [^\n]* in web\n$/);
});

test("a terminal that goes away takes us along, whatever the command does", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const child = world.spawnAtTerminal(
    ["exec", "-t", "web", "deaf"],
    " & pid=$!; read x; kill -HUP $pid; wait $pid; echo status=$?",
  );
  await heard(child.stdout, "waiting");
  child.stdin.write("\r");
  assert.match(await heard(child.stdout, "status="), /status=129/);
});

test("a reader that goes away ends us without a word", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const child = world.spawn(["exec", "web", "bytes", String(50_000_000)]);
  child.stdout.once("data", () => child.stdout.destroy());
  const closed = Promise.withResolvers<number | null>();
  child.on("close", (status) => closed.resolve(status));
  let said = "";
  child.stderr.on("data", (chunk) => {
    said += String(chunk);
  });
  assert.deepEqual([await closed.promise, said], [141, ""]);
});

test("a device that is full is told in a line", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  for (const [argv, status] of [
    [["list"], 3],
    [["exec", "web", "bytes", "100000"], 125],
  ] as const) {
    const ran = await outcome(world.spawn(argv, { stdout: openSync("/dev/full", "w") }));
    assert.equal(ran.status, status);
    assert.match(ran.stderr, /^banger: the output could not be written \(ENOSPC\)\nhint: [^\n]*\n$/);
  }
});

test("at a terminal: a shell with its size, keys as typed, and the terminal as it was afterwards", async () => {
  await using world = await World.make();
  const child = world.spawnAtTerminal(["run", "--name", "web"], "; echo status=$?; stty -a | grep -o ' -\\?icanon'");
  const ended = Promise.withResolvers<void>();
  child.on("close", () => ended.resolve());
  const before = await heard(child.stdout, "# ");
  assert.match(before, /web is ready in /);
  child.stdin.write("\x03\rexit 5\r");
  const after = await heard(child.stdout, "icanon");
  assert.match(after, /status=5\r\n icanon/);
  await ended.promise;
  const [params] = world.daemon.callsOf("exec.run");
  assert.deepEqual(Reflect.get(Object(params), "tty"), { rows: 30, columns: 100 });
});

test("at a terminal: a command that dies leaves the terminal as it was too", async () => {
  await using world = await World.make();
  world.daemon.addMachine("web");
  const child = world.spawnAtTerminal(["exec", "-it", "web", "orders"], "; stty -a | grep -o ' -\\?icanon'");
  await heard(child.stdout, "waiting");
  await world.daemon[Symbol.asyncDispose]();
  const after = await heard(child.stdout, "icanon");
  assert.match(after, /banger: [^\n]+\r\n(?:hint: [^\n]+\r\n)? icanon/);
});
