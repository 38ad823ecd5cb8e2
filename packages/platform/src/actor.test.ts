import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { Actors } from "./actor.ts";

test("actors: one at a time and in order for each key, whatever fails", async () => {
  const plan = fc.array(fc.record({ key: fc.constantFrom("a", "b", "c"), fails: fc.boolean() }), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(plan, async (tasks) => {
      const actors = new Actors();
      const running = new Map<string, number>();
      const order: Array<{ key: string; nth: number }> = [];
      const all = tasks.map(({ key, fails }, nth) =>
        actors.run(key, async () => {
          assert.equal(running.get(key) ?? 0, 0);
          running.set(key, 1);
          await new Promise(setImmediate);
          running.set(key, 0);
          order.push({ key, nth });
          if (fails) throw new Error("told to");
          return nth;
        }),
      );
      const results = await Promise.allSettled(all);
      for (const [i, result] of results.entries()) assert.equal(result.status === "rejected", tasks[i]?.fails);
      for (const key of ["a", "b", "c"]) {
        const mine = order.filter((done) => done.key === key).map((done) => done.nth);
        assert.deepEqual(
          mine,
          [...mine].sort((x, y) => x - y),
        );
        assert.equal(actors.depth(key), 0);
      }
    }),
    { numRuns: 50 },
  );
});

test("actors: a key that is stuck holds back no other", async () => {
  const actors = new Actors();
  const gate = Promise.withResolvers<void>();
  const stuck = actors.run("a", () => gate.promise);
  const behind = actors.run("a", async () => "behind");
  assert.equal(await actors.run("b", async () => "through"), "through");
  assert.equal(actors.depth("a"), 2);
  gate.resolve();
  await stuck;
  assert.equal(await behind, "behind");
});

test("actors: a task whose signal aborts leaves the queue without having run", async () => {
  const actors = new Actors();
  const gate = Promise.withResolvers<void>();
  const first = actors.run("a", () => gate.promise);
  const abort = new AbortController();
  let ran = false;
  const second = actors.run(
    "a",
    async () => {
      ran = true;
    },
    { signal: abort.signal },
  );
  abort.abort(new Error("gone"));
  await assert.rejects(second, /gone/);
  gate.resolve();
  await first;
  assert.equal(await actors.run("a", async () => 3), 3);
  assert.equal(ran, false);
});

test("actors: close refuses what is new and waits for what is queued", async () => {
  const actors = new Actors();
  const gate = Promise.withResolvers<void>();
  const done: string[] = [];
  const first = actors.run("a", () => gate.promise);
  const second = actors.run("a", async () => void done.push("second"));
  const closed = actors.close();
  await assert.rejects(
    actors.run("b", async () => undefined),
    (error) => AppError.is(error, "DAEMON_UNREACHABLE"),
  );
  gate.resolve();
  await closed;
  assert.deepEqual(done, ["second"]);
  await Promise.all([first, second, actors.close()]);
});
