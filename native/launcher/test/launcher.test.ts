/** The launcher's life with a VMM: report, lock, exit record, output, termination, ties between the two. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { children, cpuTicks, gone, launcherPath, Machine, run, startTicks, until, users } from "./harness.ts";

for (const user of users) {
  for (const isolate of ["none", "auto"] as const) {
    const options = ["--isolate", isolate];
    const suffix = `(as ${user}, isolate ${isolate})`;

    test(`the exit status is kept ${suffix}`, async () => {
      using machine = new Machine(user);
      const before = Date.now();
      const report = machine.start("echo out; echo err >&2; exit 7", options);
      const { status, signal, at, nonce } = await machine.exit();
      assert.deepEqual({ status, signal, nonce }, { status: 7, signal: null, nonce: "n0nce" });
      assert.ok(at >= before && at <= Date.now());
      await gone(report.launcher, report.launcherStart);
      assert.equal(machine.read("console.log"), "out\n");
      assert.equal(machine.read("vmm.log"), "err\n");
      assert.deepEqual(readdirSync(machine.dir).sort(), ["console.log", "exit.json", "lock", "vmm.log"]);
    });

    test(`a killed launcher takes its VMM along, and leaves the lock free ${suffix}`, async () => {
      using machine = new Machine(user);
      const report = machine.startVmm(["/bin/sleep", "1000"], options);
      assert.equal(startTicks(report.vmm), report.vmmStart);
      process.kill(report.launcher, "SIGKILL");
      await gone(report.vmm, report.vmmStart);
      machine.start("exit 0", options);
      assert.equal((await machine.exit()).status, 0);
    });

    test(`SIGTERM reaches a VMM that handles it ${suffix}`, async () => {
      using machine = new Machine(user);
      const report = machine.start("trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done", options);
      await until("the handler", () => (machine.read("console.log") === "ready\n" ? true : undefined));
      process.kill(report.launcher, "SIGTERM");
      assert.equal((await machine.exit()).status, 3);
    });

    test(`a VMM that ignores SIGTERM is killed in the end ${suffix}`, async () => {
      using machine = new Machine(user);
      const report = machine.start("trap '' TERM; echo ready; while :; do sleep 0.05; done", [
        ...options,
        "--term-grace",
        "100",
      ]);
      await until("the handler", () => (machine.read("console.log") === "ready\n" ? true : undefined));
      process.kill(report.launcher, "SIGINT");
      assert.equal((await machine.exit()).signal, "SIGKILL");
    });
  }
}

test("the VMM's signal is kept", async () => {
  using machine = new Machine();
  machine.start("kill -SEGV $$");
  assert.deepEqual((await machine.exit()).signal, "SIGSEGV");
});

test("as process 1 without a handler, the VMM is killed at once instead of after the grace", async () => {
  using machine = new Machine();
  const report = machine.startVmm(["/bin/sleep", "1000"], ["--isolate", "auto", "--term-grace", "600000"]);
  process.kill(report.launcher, "SIGTERM");
  const { signal } = await machine.exit();
  assert.equal(signal, report.isolation.includes("pid") ? "SIGKILL" : "SIGTERM");
});

test("a second launcher on the directory is refused, and disturbs nothing", () => {
  using machine = new Machine();
  const report = machine.startVmm(["/bin/sleep", "1000"]);
  const { status, stdout } = machine.attempt(["/bin/true"]);
  assert.notEqual(status, 0);
  assert.deepEqual(JSON.parse(stdout), { error: "the machine is locked: its launcher is still running", errno: 11 });
  assert.equal(startTicks(report.vmm), report.vmmStart);
});

test("launcher and VMM each hold their byte of the lock", () => {
  using machine = new Machine();
  const { vmm } = machine.startVmm(["/bin/sleep", "1000"]);
  const held = statSync(join(machine.dir, "lock")).ino;
  const { stdout } = run(["sh", "-c", `grep ':${held} ' /proc/locks | awk '{ print $2, $4, $7, $8 }' | sort -k3`]);
  assert.equal(stdout, "OFDLCK WRITE 0 0\nOFDLCK WRITE 1 1\n");
  assert.equal(readlinkSync(`/proc/${vmm}/fd/3`), join(machine.dir, "lock"));
});

test("a VMM that cannot be executed is reported, and nothing is left", () => {
  using machine = new Machine();
  for (const isolate of ["none", "auto"]) {
    const missing = machine.attempt(["/nonexistent/vmm"], ["--isolate", isolate]);
    assert.equal(missing.status, 1);
    assert.deepEqual(JSON.parse(missing.stdout), { error: "cannot execute /nonexistent/vmm", errno: 2 });
    writeFileSync(join(machine.dir, 'not "a program'), "");
    const refused = machine.attempt([join(machine.dir, 'not "a program')], ["--isolate", isolate]);
    assert.equal(JSON.parse(refused.stdout).errno, 13);
  }
  assert.deepEqual(readdirSync(machine.dir).sort(), ["lock", 'not "a program']);
});

test("a limit that cannot be set, a missing directory and bad options are errors", () => {
  using machine = new Machine();
  const limit = machine.attempt(["/bin/true"], ["--rlimit-nofile", "4000000000"]);
  assert.match(JSON.parse(limit.stdout).error, /cannot set --rlimit-nofile to 4000000000/);
  const missing = run([launcherPath, "--dir", join(machine.dir, "x"), "--nonce", "n", "--", "/bin/true"]);
  assert.equal(JSON.parse(missing.stdout).errno, 2);
  for (const bad of [
    ["--bogus", "--", "/bin/true"],
    ["--dir", machine.dir, "--", "/bin/true"],
    ["--dir", machine.dir, "--nonce", 'a"b', "--", "/bin/true"],
    ["--dir", machine.dir, "--nonce", "n"],
    ["--dir", machine.dir, "--nonce", "n", "--"],
    ["--dir", machine.dir, "--nonce", "n", "/bin/true"],
    ["--dir", machine.dir, "--nonce", "n", "--", "./relative"],
    ["--dir", machine.dir, "--nonce", "n", "--console-cap", "1x", "--", "/bin/true"],
    ["--dir", machine.dir, "--nonce", "n", "--isolate", "some", "--", "/bin/true"],
  ]) {
    const { status, stdout } = run([launcherPath, ...bad]);
    assert.equal(status, 2, bad.join(" "));
    assert.equal(JSON.parse(stdout).errno, 22);
  }
});

test("a flood of output is drained, and costs no more than two capped files", async () => {
  using machine = new Machine();
  machine.start("yes 0123456789abcdef | head -c 52428800; echo the end", ["--console-cap", "1000000"]);
  assert.equal((await machine.exit()).status, 0);
  assert.equal(statSync(join(machine.dir, "console.log.1")).size, 1_000_000);
  assert.ok(statSync(join(machine.dir, "console.log")).size <= 1_000_000);
  assert.ok(machine.read("console.log").endsWith("the end\n"));
  assert.deepEqual(readdirSync(machine.dir).sort(), ["console.log", "console.log.1", "exit.json", "lock", "vmm.log"]);
});

test("the VMM's own messages are capped too", async () => {
  using machine = new Machine();
  machine.start("yes complaint | head -c 2000000 >&2");
  await machine.exit();
  assert.equal(statSync(join(machine.dir, "vmm.log.1")).size, 256 * 1024);
  assert.ok(statSync(join(machine.dir, "vmm.log")).size <= 256 * 1024);
});

test("a new run keeps the output of the one before", async () => {
  using machine = new Machine();
  for (const word of ["first", "second"]) {
    const report = machine.start(`echo ${word}`);
    await gone(report.launcher, report.launcherStart);
  }
  assert.equal(machine.read("console.log"), "second\n");
  assert.equal(machine.read("console.log.1"), "first\n");
});

test("a VMM that closes its output keeps running, and costs its launcher no time", async () => {
  using machine = new Machine();
  const script = "trap 'exit 4' TERM; exec 1>&- 2>&-; sleep 0.3; : >late; while :; do sleep 0.05; done";
  const report = machine.start(script, ["--chdir"]);
  await until("a while with closed output", () => (machine.has("late") ? true : undefined));
  assert.ok(cpuTicks(report.launcher) <= 5, "a poll that returns at once took the processor");
  process.kill(report.launcher, "SIGTERM");
  assert.equal((await machine.exit()).status, 4);
});

test("a start whose starter is killed before the report is taken back", async () => {
  using machine = new Machine();
  // a stray child keeps the VMM's half of the lock, so that the second launcher has to wait for it
  const first = machine.start("sleep 1000 & echo $!; wait");
  const stray = Number(await until("the stray", () => machine.read("console.log") || undefined));
  const strayStart = startTicks(stray);
  process.kill(first.launcher, "SIGKILL");
  await gone(first.launcher, first.launcherStart);
  const [file = "", ...args] = machine.argv(["/bin/sleep", "1000"]);
  const starter = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
  const waiting = await until("the second launcher", () => children(starter.pid ?? 0)[0]);
  const waitingStart = startTicks(waiting) ?? 0;
  starter.kill("SIGKILL");
  await once(starter, "exit");
  if (startTicks(stray) === strayStart) process.kill(stray, "SIGKILL");
  await gone(waiting, waitingStart);
  assert.equal(machine.has("exit.json.tmp"), false);
  machine.start("exit 0"); // the lock is free, so no VMM is left either
  assert.equal((await machine.exit()).status, 0);
});

test("signals that the starter ignores or blocks are none of the launcher's business", async () => {
  using machine = new Machine();
  const odd = ["env", "--ignore-signal=CHLD,TERM,PIPE", "--block-signal=ALRM,TERM,CHLD"];
  const { status, stdout } = run([...odd, ...machine.argv(["/bin/sh", "-c", "exit 9"])]);
  assert.equal(status, 0);
  machine.adopt(stdout);
  assert.equal((await machine.exit()).status, 9);
});

test("launcher and VMM survive their starter and its session", async () => {
  using machine = new Machine();
  const starter = spawn("sh", ["-c", '"$@"; exec sleep 1000', "sh", ...machine.argv(["/bin/sleep", "1000"])], {
    detached: true,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = await once(starter.stdout, "data");
  const report = machine.adopt(String(line));
  assert.ok(starter.pid);
  process.kill(-starter.pid, "SIGKILL");
  await once(starter, "exit");
  assert.equal(startTicks(report.launcher), report.launcherStart);
  assert.equal(startTicks(report.vmm), report.vmmStart);
  process.kill(report.launcher, "SIGTERM");
  assert.equal((await machine.exit()).signal, "SIGTERM");
});

test("the starter's pipe ends with the report, though the launcher lives", async () => {
  using machine = new Machine();
  const [file = "", ...args] = machine.argv(["/bin/sleep", "1000"]);
  const starter = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  starter.stdout.on("data", (chunk) => (text += chunk));
  await Promise.all([once(starter.stdout, "end"), once(starter.stderr.resume(), "end")]);
  const report = machine.adopt(text);
  assert.equal(startTicks(report.launcher), report.launcherStart);
});

test("the nonce is in the launcher's argv and in the VMM's environment", () => {
  using machine = new Machine();
  const report = machine.startVmm(["/bin/sleep", "1000"]);
  const cmdline = run(["cat", `/proc/${report.launcher}/cmdline`]).stdout.split("\0");
  assert.deepEqual(cmdline.slice(cmdline.indexOf("--nonce")).slice(0, 2), ["--nonce", "n0nce"]);
  assert.ok(
    run(["cat", `/proc/${report.vmm}/environ`])
      .stdout.split("\0")
      .includes("BANGER_NONCE=n0nce"),
  );
});

test("the directory may have any name", async () => {
  using machine = new Machine();
  const dir = join(machine.dir, 'ü "x\\\n');
  mkdirSync(dir);
  const { status, stdout } = run([
    launcherPath,
    "--dir",
    dir,
    "--nonce",
    "n",
    "--chdir",
    "--",
    "/bin/sh",
    "-c",
    "pwd; exit 5",
  ]);
  assert.equal(status, 0);
  const report = machine.adopt(stdout);
  await gone(report.launcher, report.launcherStart);
  assert.equal(JSON.parse(run(["cat", join(dir, "exit.json")]).stdout).status, 5);
});
