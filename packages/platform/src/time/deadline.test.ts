import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { FakeClock } from "./clock-fake.ts";
import { raceAbort, startDeadline, withDeadline } from "./deadline.ts";

test("deadline: says what was waited for, even when the work does not listen", async () => {
  const waiting = withDeadline(() => new Promise(() => undefined), { ms: 5, what: "the agent's hello" });
  await assert.rejects(waiting, (error) => {
    assert.ok(AppError.is(error, "TIMEOUT"));
    assert.equal(error.message, "waited 5 ms for the agent's hello");
    return true;
  });
});

test("deadline: the caller's reason is kept, and no listener is left behind", async () => {
  const abort = new AbortController();
  const reason = new Error("mine");
  const waiting = withDeadline(() => new Promise(() => undefined), { signal: abort.signal, ms: 60_000, what: "x" });
  abort.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  const calm = new AbortController();
  assert.equal(await withDeadline(async () => 1, { signal: calm.signal, ms: 60_000, what: "x" }), 1);
  assert.equal(getEventListeners(calm.signal, "abort").length, 0);
});

test("deadline: an aborted signal ends it before it begins", async () => {
  const reason = new Error("before");
  using deadline = startDeadline(AbortSignal.abort(reason), { ms: 60_000, what: "x" });
  await assert.rejects(raceAbort(Promise.resolve(1), deadline.signal), (error) => error === reason);
});

test("fake clock: sleepers wake in order of their hour, or by their signal", async () => {
  const clock = new FakeClock();
  const woken: number[] = [];
  const abort = new AbortController();
  const sleeps = [30, 10, 20].map((ms) => clock.sleep(ms, {}).then(() => woken.push(ms)));
  const cancelled = clock.sleep(5, { signal: abort.signal });
  assert.equal(clock.sleeping, 4);
  abort.abort(new Error("up"));
  await assert.rejects(cancelled, /up/);
  clock.advance(20);
  await Promise.all(sleeps.slice(1));
  assert.deepEqual(woken, [10, 20]);
  clock.advance(10);
  await Promise.all(sleeps);
  assert.equal(clock.monotonic(), 30);
});
