import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { FakeExec } from "./exec-fake.ts";

test("fake exec: programs keep state, unknown ones are missing, any call can fail", async () => {
  const made = new Set<string>();
  const exec = new FakeExec().program("mkthing", ({ args, input }) => {
    made.add(args[0] ?? "");
    return args[0] === "bad" ? { exitCode: 2, stderr: "no\n" } : { stdout: `${made.size} ${input}` };
  });
  assert.equal((await exec.run(["/sbin/mkthing", "a"], { input: "in" })).stdout.toString(), "1 in");
  await assert.rejects(exec.run(["mkthing", "bad"]), /mkthing exited with 2: no/);
  await assert.rejects(exec.run(["other"]), (error) => AppError.is(error, "PREREQUISITE_MISSING"));
  exec.failAt(2, new Error("now"));
  await exec.run(["mkthing", "b"]);
  await assert.rejects(exec.run(["mkthing", "c"]), /now/);
  assert.deepEqual([[...made], exec.calls.length], [["a", "bad", "b"], 5]);
});

test("fake exec: streams give the input to the program and its output back", async () => {
  const exec = new FakeExec().program("upper", ({ input }) => ({ stdout: input.toString().toUpperCase() }));
  await using stream = exec.stream(["upper"]);
  stream.stdin.end("abc");
  assert.equal(await text(stream.stdout), "ABC");
  assert.equal((await stream.done).exitCode, 0);
});
