import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { Rollback } from "./rollback.ts";

test("rollback: what stands is undone in reverse; nothing is after a commit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 0, max: 7 }), async (steps, failing) => {
      const standing: number[] = [];
      const undone: number[] = [];
      const operation = async () => {
        await using rollback = new Rollback({ budgetMs: 1000 });
        for (let i = 0; i < steps; i++) {
          await rollback.step(
            `step ${i}`,
            async () => {
              if (i === failing) throw new Error("stop");
              standing.push(i);
              return i;
            },
            async (made) => {
              undone.push(made);
              standing.splice(standing.indexOf(made), 1);
            },
          );
        }
        rollback.commit();
      };
      const failed = await operation().then(
        () => false,
        () => true,
      );
      assert.equal(failed, failing < steps);
      assert.equal(standing.length, failed ? 0 : steps);
      assert.deepEqual(undone, failed ? Array.from({ length: failing }, (_, i) => failing - 1 - i) : []);
    }),
  );
});

test("rollback: a failing undo is reported, the others go on, the first cause stays", async () => {
  const leaks: string[] = [];
  const done: string[] = [];
  const rollback = new Rollback({ budgetMs: 1000, onLeak: (leak) => leaks.push(leak.step) });
  const operation = async () => {
    await using scope = rollback;
    scope.guard("a", async () => void done.push("a"));
    scope.guard("b", () => Promise.reject(new Error("stuck")));
    scope.guard("c", () => {
      throw new Error("at once");
    });
    throw new Error("first cause");
  };
  await assert.rejects(operation(), /first cause/);
  assert.deepEqual([leaks, done], [["c", "b"], ["a"]]);
  assert.deepEqual(
    rollback.leaks.map((leak) => leak.step),
    ["c", "b"],
  );
});

test("rollback: an undo that hangs ends with the budget and is a leak", async () => {
  const rollback = new Rollback({ budgetMs: 5 });
  rollback.guard("hangs", () => new Promise(() => undefined));
  await rollback[Symbol.asyncDispose]();
  assert.ok(AppError.is(rollback.leaks[0]?.error, "TIMEOUT"));
});

test("rollback: a step that ends after all was undone is undone too", async () => {
  const rollback = new Rollback({ budgetMs: 1000 });
  const gate = Promise.withResolvers<string>();
  const undone: string[] = [];
  const late = rollback.step(
    "late",
    () => gate.promise,
    async (made) => void undone.push(made),
  );
  await rollback[Symbol.asyncDispose]();
  gate.resolve("made");
  await assert.rejects(late, (error) => AppError.is(error, "CANCELLED"));
  assert.deepEqual(undone, ["made"]);
  assert.throws(
    () => rollback.guard("later", () => Promise.resolve()),
    (error) => AppError.is(error, "CANCELLED"),
  );
});

test("rollback: disposing twice undoes once", async () => {
  let times = 0;
  const rollback = new Rollback({ budgetMs: 1000 });
  rollback.guard("once", async () => void times++);
  await rollback[Symbol.asyncDispose]();
  await rollback[Symbol.asyncDispose]();
  assert.equal(times, 1);
});
