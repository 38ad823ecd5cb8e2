import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { measureTsc } from "./tsc.ts";

test("the rate is measured once, when it is needed, and by the launcher", async () => {
  const exec = new FakeExec().program("launcher", ({ args }) => ({
    stdout: args[0] === "--measure-tsc" ? "2400123\n" : "",
  }));
  const khz = measureTsc(exec, "/x/launcher");
  assert.equal(exec.calls.length, 0);
  assert.deepEqual(await Promise.all([khz(), khz()]), [2_400_123, 2_400_123]);
  assert.equal(exec.calls.length, 1);
});

test("a counter that cannot be trusted gives no rate", async () => {
  for (const outcome of [{ stdout: "0\n", exitCode: 1 }, { stdout: "0\n" }, { stdout: "what\n" }]) {
    const exec = new FakeExec().program("launcher", () => outcome);
    assert.equal(await measureTsc(exec, "/x/launcher")(), undefined);
  }
});
