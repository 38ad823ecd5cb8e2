/** ./banger and its set-up, with every program but the shell pretending. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline/promises";
import { test } from "node:test";
import { Checkout, run } from "./checkout-fixture.ts";

const wholeSetUp = ["npm ci in node", "npm ci in it's a checkout", "build"];

test("the first start sets up, the second is only the command; both hand every argument on", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  const argv = ["run", "--", "echo", "a b", ""];
  const first = await checkout.start(argv);
  assert.deepEqual([first.status, first.stdout], [0, "<run><--><echo><a b><>"], first.stderr);
  assert.match(first.stderr, /^banger: installing Node 24 under tools\/node/m);
  assert.deepEqual(await checkout.log(), wholeSetUp);

  const second = await checkout.start(argv, { env: { PATH: "/nonexistent" } });
  assert.deepEqual(second, { status: 0, stdout: first.stdout, stderr: "" });
  assert.deepEqual(await checkout.log(), []);
});

test("it starts by a relative path, by a link, and by sh", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  await checkout.start([]);
  const link = join(checkout.bin, "linked");
  await symlink(join(checkout.root, "banger"), link);
  assert.equal((await checkout.start(["x"], { launcher: link })).stdout, "<x>");
  for (const script of ["./banger x", "sh banger x", "cd tools && ../banger x"]) {
    const started = await run("/bin/sh", ["-c", `cd "$1" && ${script}`, "sh", checkout.root], { env: checkout.env() });
    assert.equal(started.stdout, "<x>", started.stderr);
  }
});

test("a clone of somebody else's, which git refuses to read, is explained where something is built, and once", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  await checkout.program("git", "echo 'fatal: detected dubious ownership in repository' >&2; exit 128");
  const { status, stdout, stderr } = await checkout.start(["x"]);
  assert.deepEqual([status, stdout], [0, "<x>"], stderr);
  assert.equal(stderr.match(/^banger: git refuses to read .* git config --global --add safe\.directory /gm)?.length, 1);
  assert.equal((await checkout.start(["x"])).stderr, "");
});

test("a changed lockfile is installed and built, and nothing else", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  await checkout.start([]);
  await checkout.log();
  const later = new Date(Date.now() + 1000);
  await utimes(join(checkout.root, "package-lock.json"), later, later);
  await rm(join(checkout.root, "build/ready.sh"));
  await checkout.start([]);
  assert.deepEqual(await checkout.log(), wholeSetUp.slice(1));
});

test("a completion waits for no set-up: the build that is there answers, or none does", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  assert.deepEqual(await checkout.start(["__complete", "x"]), { status: 0, stdout: "", stderr: "" });
  assert.deepEqual(await checkout.log(), []);
  await checkout.start([]);
  await checkout.log();
  await rm(join(checkout.root, "build/ready.sh"));
  const answered = await checkout.start(["__complete", "x"]);
  assert.deepEqual([answered.status, answered.stderr], [0, ""]);
  assert.deepEqual(await checkout.log(), []);
});

test("without root, sudo and terminal it names one command and exits 3", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "missing" });
  await checkout.aptGet();
  const started = await checkout.start(["list"]);
  assert.deepEqual([started.status, started.stdout], [3, ""]);
  assert.match(started.stderr, /^ {2}qemu-system-x86: runs the machines$/m);
  const command = /^ {2}(su -c '.*')$/m.exec(started.stderr)?.[1] ?? "";
  assert.match(command, /^su -c 'apt-get update && apt-get install -y --no-install-recommends qemu-system-x86 .*'$/);
  assert.deepEqual(await checkout.log(), []);
});

test("where there is sudo the command begins with it, and without a terminal it is not run", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "missing" });
  await checkout.aptGet();
  await checkout.program("sudo", 'echo sudo >>"$LOG"');
  const started = await checkout.start([]);
  assert.equal(started.status, 3);
  assert.match(started.stderr, /^ {2}sudo sh -c 'apt-get update && /m);
  assert.deepEqual(await checkout.log(), []);
});

test("root installs what is missing, and apt's chatter stays off stdout", async () => {
  await using checkout = await Checkout.make({ uid: 0, packages: "missing" });
  await checkout.aptGet();
  const started = await checkout.start(["list"]);
  assert.deepEqual([started.status, started.stdout], [0, "<list>"], started.stderr);
  const said = (await checkout.log()).filter((line) => !line.endsWith(" update"));
  assert.match(said[0] ?? "", /^apt-get .*install -y --no-install-recommends qemu-system-x86 qemu-utils /);
  assert.deepEqual(said.slice(1), wholeSetUp);
});

test("a host without apt-get is told what is missing", async () => {
  await using checkout = await Checkout.make({ uid: 0, packages: "missing" });
  const started = await checkout.start([]);
  assert.equal(started.status, 3);
  assert.match(started.stderr, /this machine has no apt-get; install the programs above/);
});

for (const [name, script, said] of [
  ["df", "printf 'h\\nd 1 1 10240 1%% /\\n'", /has 10 MB free; the set-up needs 700 MB\.$/],
  ["uname", "echo Linux riscv64", /^banger: this is Linux riscv64; banger runs on Linux x86_64 only\.$/],
] as const) {
  test(`what ${name} says can end the set-up with one line`, async () => {
    await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
    await checkout.program(name, script);
    const started = await checkout.start([]);
    assert.deepEqual([started.status, started.stdout], [3, ""]);
    assert.match(started.stderr.trimEnd(), said);
    assert.equal(started.stderr.trimEnd().split("\n").length, 1);
  });
}

test("a set-up that failed halfway is taken up by the next start", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  const failed = await checkout.start([], { env: { NPM_FAILS: "yes" } });
  assert.equal(failed.status, 3);
  assert.match(failed.stderr, /^banger: npm ci failed in .*\/tools\/node; its lines above say why\.$/m);
  await checkout.log();
  assert.equal((await checkout.start(["x"])).stdout, "<x>");
  assert.deepEqual(await checkout.log(), wholeSetUp);
});

test("of two first starts one sets up, and the other waits for it and says so", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  await run("/usr/bin/mkfifo", [checkout.gate], { env: {} });
  const first = checkout.start(["first"]);
  const gate = await open(checkout.gate, "w"); // opens when npm has begun
  const second = spawn(join(checkout.root, "banger"), ["second"], { env: checkout.env() });
  const ended = once(second, "close");
  const [waiting] = await once(createInterface(second.stderr), "line");
  assert.match(String(waiting), /another start is setting up .*; waiting for it \(at most 20 minutes\)\.$/);
  await rm(checkout.gate);
  await gate.write("go\n");
  await gate.close();
  assert.equal((await first).stdout, "<first>");
  assert.deepEqual(await ended, [0, null]);
  assert.deepEqual(
    (await checkout.log()).filter((line) => line.startsWith("npm")),
    wholeSetUp.slice(0, 2),
  );
});

test("a start killed in the middle of the set-up leaves no lock behind", async () => {
  await using checkout = await Checkout.make({ uid: 1000, packages: "there" });
  await run("/usr/bin/mkfifo", [checkout.gate], { env: {} });
  const first = spawn(join(checkout.root, "banger"), [], { env: checkout.env(), detached: true, stdio: "ignore" });
  const ended = once(first, "close");
  const gate = await open(checkout.gate, "w");
  assert.ok(first.pid !== undefined);
  process.kill(-first.pid, "SIGINT");
  await ended;
  await gate.close();
  await rm(checkout.gate);
  const next = await checkout.start(["x"]);
  assert.deepEqual([next.stdout, /waiting/.test(next.stderr)], ["<x>", false]);
});
