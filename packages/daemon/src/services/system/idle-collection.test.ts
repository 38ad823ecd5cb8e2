import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "@banger/platform/time/clock-fake";
import { collectWhenIdle } from "./idle-collection.ts";

const LOOK_MS = 2_000;

async function withLoop(work: (loop: { passes(worked: number): Promise<number> }) => Promise<void>): Promise<void> {
  const clock = new FakeClock();
  const stop = new AbortController();
  let workedMs = 40;
  let collections = 0;
  const collect = () => {
    collections += 1;
    workedMs += 15;
  };
  const running = collectWhenIdle({ clock, signal: stop.signal, workedMs: () => workedMs, collect });
  const passes = async (worked: number) => {
    workedMs += worked;
    clock.advance(LOOK_MS);
    await new Promise(setImmediate);
    return collections;
  };
  await work({ passes });
  stop.abort();
  await running;
}

test("what work has left is collected once, when the loop is idle again", async () => {
  await withLoop(async ({ passes }) => {
    assert.equal(await passes(1_500), 0); // busy
    assert.equal(await passes(300), 0);
    assert.equal(await passes(2), 1);
    for (let look = 0; look < 3; look++) assert.equal(await passes(2), 1);
    assert.equal(await passes(1_000), 1);
    assert.equal(await passes(1), 2);
  });
});

test("a daemon that has hardly worked is left alone, until it adds up", async () => {
  await withLoop(async ({ passes }) => {
    assert.equal(await passes(5), 0);
    assert.equal(await passes(20), 1);
    assert.equal(await passes(30), 1);
    assert.equal(await passes(30), 2);
  });
});
