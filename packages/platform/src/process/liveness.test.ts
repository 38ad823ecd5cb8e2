import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { killGroup } from "../exec/end-group.ts";
import { findNative, loadNative } from "../native.ts";
import { nativeOrSkip } from "../testing/native-or-skip.ts";
import { descendants, findByNonce, identify, isAlive, usageOf } from "./liveness.ts";
import { createProcesses } from "./processes.ts";
import { FakeProcesses } from "./processes-fake.ts";

/** A child in a group of its own, all of which ends with the test; given when its script has come to `$up`. */
async function sleeper(
  t: TestContext,
  script = "$up; exec sleep 60",
  nonce = "x",
): Promise<ChildProcess & { pid: number }> {
  const argv = ["-c", script.replace("$up", "echo up; exec >&-"), nonce];
  const child = spawn("sh", argv, { stdio: ["ignore", "pipe", "ignore"], detached: true });
  const { pid } = child;
  assert.ok(pid !== undefined);
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once("close", () => resolve());
  t.after(async () => {
    killGroup(child);
    await promise;
  });
  await once(child.stdout, "data");
  return Object.assign(child, { pid });
}

test("liveness: a process is its number, its start and its boot", async (t) => {
  const child = await sleeper(t);
  const identity = identify(child.pid);
  assert.ok(identity);
  assert.ok(isAlive(identity));
  assert.ok(!isAlive({ ...identity, startTime: identity.startTime - 1 }));
  assert.ok(!isAlive({ ...identity, bootId: "00000000-0000-0000-0000-000000000000" }));
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(!isAlive(identity));
  assert.equal(identify(child.pid), undefined);
});

test("liveness: a name full of parentheses does not confuse the count", async (t) => {
  const child = await sleeper(t, "printf ') S 1 (' > /proc/$$/comm; $up; sleep 60; true");
  assert.equal(typeof identify(child.pid)?.startTime, "number");
});

test("liveness: a nonce is found as a whole argument only", async (t) => {
  const nonce = `nonce-${process.pid}-${Date.now()}`;
  const child = await sleeper(t, "$up; kill -STOP $$", nonce);
  assert.deepEqual(
    findByNonce(nonce).map((identity) => identity.pid),
    [child.pid],
  );
  assert.deepEqual(findByNonce(nonce.slice(0, -1)), []);
});

test("liveness: descendants are those whom a process has started, and theirs", async (t) => {
  const child = await sleeper(t, "sh -c 'sleep 60 & $up; wait' & wait");
  const identity = identify(child.pid);
  assert.ok(identity);
  const found = descendants(identity);
  assert.ok(found.length >= 2 && found.every(isAlive), JSON.stringify(found));
  assert.deepEqual(descendants({ ...identity, startTime: identity.startTime - 1 }), []);
});

test("liveness: what a process uses is told of that process only", () => {
  const self = identify(process.pid);
  assert.ok(self);
  const usage = usageOf(self);
  assert.ok(usage && usage.cpuMs > 0 && usage.residentBytes > 2 ** 20, JSON.stringify(usage));
  assert.equal(usageOf({ ...self, startTime: self.startTime + 1 }), undefined);
  assert.equal(usageOf({ ...self, pid: 2 ** 22 + 1 }), undefined);
});

test("processes: signals reach exactly the process meant, and its end is an event", async (t) => {
  const native = nativeOrSkip(t);
  if (!native) return;
  const processes = createProcesses(native);
  const child = await sleeper(t);
  const identity = identify(child.pid);
  assert.ok(identity);
  assert.equal(processes.signal({ ...identity, startTime: 1 }, "SIGKILL"), false);
  const waiting = processes.waitForExit(identity, {});
  await assert.rejects(processes.waitForExit(identity, { signal: AbortSignal.timeout(5) }));
  assert.equal(processes.signal(identity, "SIGTERM"), true);
  await waiting;
  await processes.waitForExit(identity, {});
  assert.equal(processes.signal(identity, "SIGTERM"), false);
});

test("processes: what ignores SIGTERM is killed after its grace", async (t) => {
  const native = nativeOrSkip(t);
  if (!native) return;
  const processes = createProcesses(native);
  const deaf = await sleeper(t, "trap '' TERM; $up; sleep 60; true");
  const identity = identify(deaf.pid);
  assert.ok(identity);
  assert.equal(await processes.end(identity, { graceMs: 20 }), "killed");
  assert.equal(await processes.end(identity, { graceMs: 20 }), "was-gone");
  const willing = identify((await sleeper(t)).pid);
  assert.ok(willing);
  assert.equal(await processes.end(willing, { graceMs: 10_000 }), "ended");
});

test("native: what can not be loaded is a missing prerequisite", () => {
  assert.throws(
    () => loadNative("/no/such/banger.node"),
    (error) => AppError.is(error, "PREREQUISITE_MISSING"),
  );
  assert.equal(findNative("/no/such/file"), undefined);
});

test("fake processes: live, hear signals, end, and do not survive a reboot", async () => {
  const processes = new FakeProcesses();
  const a = processes.start(["vmm", "--nonce", "n1"]);
  const deaf = processes.start(["vmm"], { deaf: true });
  assert.deepEqual(processes.findByNonce("n1"), [a]);
  const waiting = processes.waitForExit(a, {});
  assert.equal(await processes.end(a), "ended");
  await waiting;
  assert.equal(await processes.end(deaf), "killed");
  assert.equal(await processes.end(deaf), "was-gone");
  const b = processes.start(["vmm"]);
  processes.reboot();
  assert.ok(!processes.isAlive(b));
  assert.notEqual(processes.bootId(), b.bootId);
});
