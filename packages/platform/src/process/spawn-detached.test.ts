import assert from "node:assert/strict";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { findByNonce, identify, isAlive, type ProcessIdentity } from "./liveness.ts";
import { type DetachedOptions, spawnDetached } from "./spawn-detached.ts";

const env = { PATH: "/usr/bin:/bin" };

function start(script: string, options: Partial<DetachedOptions> = {}) {
  return spawnDetached({ argv: ["sh", "-c", script], env, deadlineMs: 10_000, ...options });
}

/** Our own child, so its number is its own until it is reaped. */
function endAfter(t: TestContext, identity: ProcessIdentity): void {
  t.after(() => {
    if (isAlive(identity)) process.kill(identity.pid, "SIGKILL");
  });
}

test("detached: ready when it says so, alive in a session of its own, its output in the log", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "detached-"));
  t.after(() => rm(dir, { recursive: true }));
  const logPath = join(dir, "log");
  const { identity, line } = await start("echo said; echo more >&2; echo ready $A >&3; exec sleep 60", {
    logPath,
    env: { ...env, A: "1" },
  });
  endAfter(t, identity);
  assert.equal(line, "ready 1");
  assert.deepEqual(identify(identity.pid), identity);
  const stat = await readFile(`/proc/${identity.pid}/stat`, "latin1");
  assert.equal(Number(stat.split(" ")[5]), identity.pid);
  assert.equal(await readFile(logPath, "utf8"), "said\nmore\n");
});

test("detached: descriptors given to it are its own from 4 on", async (t) => {
  const file = await open("/etc/hostname", "r");
  t.after(() => file.close());
  const { identity, line } = await start("read name <&4; echo $name >&3; exec sleep 60", { extraFds: [file.fd] });
  endAfter(t, identity);
  assert.equal(line, (await readFile("/etc/hostname", "utf8")).trim());
});

test("detached: one that dies at start is told at once, with its last words", async () => {
  await assert.rejects(start("printf 'no disk' >&3; exit 7"), (error) => {
    assert.ok(AppError.is(error, "COMMAND_FAILED"));
    assert.equal(error.message, "sh exited with 7 before it was ready: no disk");
    assert.equal(error.facts.said, "no disk");
    return true;
  });
  await assert.rejects(start("", { argv: ["no-such-program-here"] }), (error) =>
    AppError.is(error, "PREREQUISITE_MISSING"),
  );
});

test("detached: one that hangs is gone when the deadline has been told", async () => {
  const nonce = `hang-${process.pid}-${Date.now()}`;
  const argv = ["sh", "-c", "kill -STOP $$", nonce];
  await assert.rejects(start("", { argv, deadlineMs: 30 }), (error) => {
    assert.ok(AppError.is(error, "TIMEOUT"));
    assert.match(error.message, /sh to become ready/);
    return true;
  });
  assert.deepEqual(findByNonce(nonce), []);
  const reason = new Error("no more");
  await assert.rejects(start("sleep 60", { signal: AbortSignal.abort(reason) }), (error) => error === reason);
});
