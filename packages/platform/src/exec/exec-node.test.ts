import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { createNodeExec } from "./exec-node.ts";
import { ExecError } from "./run.ts";

const exec = createNodeExec();

function sh(script: string): readonly string[] {
  return ["sh", "-c", script];
}

/** Processes of a session that are more than unreaped remains, once the kernel has done with those being killed. */
async function livingMembers(session: string): Promise<string[]> {
  let left: string[] = [];
  for (let tries = 0; tries < 100; tries++) {
    const { stdout } = await exec.run(["ps", "-s", session, "-o", "stat=,args="], { check: false });
    left = stdout
      .toString()
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("Z"));
    if (left.length === 0) break;
  }
  return left;
}

function failed(code: string, reason: string) {
  return (error: unknown) => {
    assert.ok(error instanceof ExecError, String(error));
    assert.deepEqual([error.code, error.result.reason], [code, reason]);
    return true;
  };
}

test("exec: output, errors and status come back; arguments are never a shell's", async () => {
  const said = await exec.run(["printf", "%s|", "a b", "$HOME", "'"]);
  assert.equal(said.stdout.toString(), "a b|$HOME|'|");
  const result = await exec.run(sh("echo no >&2; exit 3"), { check: false });
  assert.deepEqual([result.exitCode, result.signal, result.stderr, result.reason], [3, null, "no\n", "exit"]);
});

test("exec: a failure has the last line of standard error and the whole result", async () => {
  await assert.rejects(exec.run(sh("echo first >&2; echo 'last  ' >&2; exit 3")), (error) => {
    assert.ok(error instanceof ExecError);
    assert.equal(error.message, "sh exited with 3: last");
    assert.deepEqual([error.facts.exitCode, error.facts.stderr], [3, "last"]);
    assert.equal(error.result.exitCode, 3);
    return true;
  });
});

test("exec: a program ended by a signal says so", async () => {
  await assert.rejects(exec.run(sh("kill -9 $$")), /sh was ended by SIGKILL/);
});

test("exec: what is not installed is a missing prerequisite; a missing directory is not", async () => {
  await assert.rejects(exec.run(["no-such-program-here"]), (error) => AppError.is(error, "PREREQUISITE_MISSING"));
  await assert.rejects(exec.run(["/etc/passwd"]), (error) => AppError.is(error, "PREREQUISITE_MISSING"));
  await assert.rejects(exec.run(["true"], { cwd: "/no/such" }), (error) => AppError.is(error, "INTERNAL"));
});

test("exec: input reaches the program, and one that does not read it does no harm", async () => {
  const input = Buffer.alloc(1 << 20, 97);
  const counted = await exec.run(["wc", "-c"], { input });
  assert.equal(counted.stdout.toString().trim(), String(input.length));
  await exec.run(["true"], { input });
});

test("exec: the environment is ours, not the process's own", async () => {
  const result = await exec.run(["env"], { env: { A: "1" } });
  assert.deepEqual(
    result.stdout
      .toString()
      .trim()
      .split("\n")
      .map((line) => line.split("=")[0])
      .filter((name) => name !== "NODE_V8_COVERAGE") // Node hands it on to every child while coverage is measured
      .sort(),
    ["A", "LC_ALL", "PATH"],
  );
});

test("exec: too much output ends the program instead of our memory", async () => {
  const run = exec.run(["yes"], { maxOutputBytes: 100_000 });
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof ExecError && error.result.stdout.length <= 100_000);
    return failed("COMMAND_FAILED", "output-limit")(error);
  });
});

test("exec: a deadline ends the whole group, even what ignores SIGTERM", async () => {
  const script = "trap '' TERM; sleep 60 & echo up; sleep 60";
  await assert.rejects(exec.run(sh(script), { deadlineMs: 50, graceMs: 20 }), failed("TIMEOUT", "timeout"));
});

test("exec: cancelling keeps the reason, and the group is gone when it has rejected", async () => {
  const abort = new AbortController();
  const reason = new Error("enough");
  const seen: string[] = [];
  const run = exec.run(sh("(trap '' TERM; exec sleep 60 >/dev/null 2>&1) & echo $$ >&2; sleep 60"), {
    signal: abort.signal,
    onStderrLine: (line) => {
      seen.push(line);
      abort.abort(reason);
    },
  });
  await assert.rejects(run, (error) => {
    assert.equal(error instanceof Error ? error.cause : undefined, reason);
    return failed("CANCELLED", "cancelled")(error);
  });
  assert.deepEqual(await livingMembers(seen[0] ?? ""), []);
  await assert.rejects(exec.run(["true"], { signal: abort.signal }), (error) => error === reason);
});

test("exec: a background process that keeps the pipes does not hold the answer back", async () => {
  const result = await exec.run(sh("sleep 20 & echo $!"));
  await exec.run(["kill", result.stdout.toString().trim()]);
  assert.equal(result.exitCode, 0);
});

test("exec: lines and chunks come while it runs", async () => {
  const lines: string[] = [];
  const chunks: Buffer[] = [];
  const result = await exec.run(sh("printf 'a\\nb\\rc' >&2; printf out"), {
    onStderrLine: (line) => lines.push(line),
    onStdoutChunk: (chunk) => chunks.push(chunk),
  });
  assert.deepEqual([lines, Buffer.concat(chunks).toString(), result.stdout.length], [["a", "b", "c"], "out", 0]);
});

test("exec: descriptors take the place of pipes", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "exec-"));
  t.after(() => rm(dir, { recursive: true }));
  const file = await open(join(dir, "out"), "w");
  await exec.run(["echo", "to the file"], { stdoutFd: file.fd });
  await file.close();
  assert.equal(await readFile(join(dir, "out"), "utf8"), "to the file\n");
});

test("exec: streams move bytes with back-pressure and tell the failure at the end", async () => {
  await using cat = exec.stream(["cat"]);
  cat.stdin.end("through");
  assert.equal(await text(cat.stdout), "through");
  assert.equal((await cat.done).exitCode, 0);
  await using bad = exec.stream(sh("echo why >&2; exit 4"));
  bad.stdin.end();
  assert.equal(await text(bad.stdout), "");
  await assert.rejects(bad.done, /exited with 4: why/);
  await using missing = exec.stream(["no-such-program-here"]);
  missing.stdout.resume();
  await assert.rejects(missing.done, (error) => AppError.is(error, "PREREQUISITE_MISSING"));
});

test("exec: two streams make a pipe without a shell", async () => {
  await using from = exec.stream(["seq", "100000"]);
  await using to = exec.stream(["tail", "-n", "1"]);
  const [, last] = await Promise.all([pipeline(from.stdout, to.stdin), text(to.stdout)]);
  assert.equal(last, "100000\n");
});

test("exec: a stream that is disposed of ends its program", async () => {
  const yes = exec.stream(["yes"]);
  await once(yes.stdout, "readable");
  await yes[Symbol.asyncDispose]();
  await assert.rejects(yes.done, failed("CANCELLED", "cancelled"));
});
