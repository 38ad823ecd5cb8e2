import assert from "node:assert/strict";
import { test } from "node:test";
import { Insistence, type Verdict } from "./insistence.ts";
import type { SignalName } from "./interrupts.ts";

function verdicts(signals: readonly (readonly [ms: number, name: SignalName])[], { tty = false } = {}): Verdict[] {
  let now = 0;
  const insistence = new Insistence({ now: () => now, tty });
  return signals.map(([ms, name]) => {
    now = ms;
    return insistence.judge(name);
  });
}

test("the second Ctrl-C at once kills, the third gets away", () => {
  assert.deepEqual(verdicts([0, 900, 1_800].map((ms) => [ms, "SIGINT"])), ["forward", "kill", "leave"]);
  assert.deepEqual(verdicts([0, 4_000, 8_000].map((ms) => [ms, "SIGINT"])), ["forward", "forward", "leave"]);
});

test("a command that lives with a Ctrl-C now and then keeps its client", () => {
  const signals = Array.from({ length: 9 }, (_, index) => [index * 5_001, "SIGINT"] as const);
  assert.deepEqual(new Set(verdicts(signals)), new Set(["forward"]));
});

test("SIGTERM again when the first has had its time gets away", () => {
  assert.deepEqual(verdicts([0, 60_000].map((ms) => [ms, "SIGTERM"])), ["forward", "leave"]);
  assert.deepEqual(verdicts([0, 4_999].map((ms) => [ms, "SIGTERM"])), ["forward", "forward"]);
});

test("SIGHUP is the command's, but at a terminal the end", () => {
  assert.deepEqual(verdicts(Array.from({ length: 4 }, () => [0, "SIGHUP"])), Array(4).fill("forward"));
  assert.deepEqual(verdicts([[0, "SIGHUP"]], { tty: true }), ["leave"]);
});
