import assert from "node:assert/strict";
import { test } from "node:test";
import type { OperationView } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import { OperationId } from "@banger/contract/ids";
import { createFakeLogger, type LogLine } from "@banger/platform/log-fake";
import { newId } from "@banger/platform/new-id";
import { FakeClock } from "@banger/platform/time/clock-fake";
import type { OnStage } from "./operation.ts";
import { type OperationContext, OperationRegistry } from "./operation-registry.ts";

const WHAT = { kind: "image.build", subject: "minimal" } as const;
const { signal } = new AbortController();

function registry(): { clock: FakeClock; operations: OperationRegistry; lines: readonly LogLine[] } {
  const clock = new FakeClock();
  const { logger: log, lines } = createFakeLogger();
  return { clock, lines, operations: new OperationRegistry({ clock, log, newId: () => OperationId.parse(newId()) }) };
}

/** Work that goes as far as the test lets it. */
function held() {
  const gate = Promise.withResolvers<unknown>();
  const { promise, resolve } = Promise.withResolvers<OperationContext>();
  const work = async (context: OperationContext) => {
    resolve(context);
    context.signal.addEventListener("abort", () => gate.reject(context.signal.reason));
    return await gate.promise;
  };
  return { work, gate, begun: promise };
}

test("stages carry their start and duration; a new name ends the one before", async () => {
  const { clock, operations } = registry();
  const { work, gate, begun } = held();
  const id = operations.begin(WHAT, work);
  const { onStage } = await begun;
  onStage({ name: "download" });
  clock.advance(40);
  onStage({ name: "download", doneBytes: 10, totalBytes: 20 });
  onStage({ name: "unpack" });
  clock.advance(2);
  assert.deepEqual(operations.status(id).stages, [
    { name: "download", startMs: 0, durationMs: 40, doneBytes: 10, totalBytes: 20 },
    { name: "unpack", startMs: 40, durationMs: null },
  ]);
  gate.resolve("made");
  const end = await operations.wait(id, { signal });
  assert.deepEqual([end.state, end.result, end.durationMs], ["done", "made", 42]);
});

test("all who wait are told: stages at once, bytes ten times a second, and never is the last one lost", async () => {
  const { clock, operations } = registry();
  const { work, gate, begun } = held();
  const id = operations.begin(WHAT, work);
  const { onStage } = await begun;
  const seen: [OperationView[], OperationView[]] = [[], []];
  const waiting = seen.map((views) => operations.wait(id, { signal, onChange: (view) => views.push(view) }));
  onStage({ name: "download", doneBytes: 0 });
  await flood(onStage, clock);
  for (const views of seen) {
    assert.ok(views.length >= 10 && views.length <= 13, `${views.length} changes were told in a second`);
    assert.equal(views.at(-1)?.stages.at(-1)?.doneBytes, 1000, "the last is told though nothing follows");
  }
  gate.resolve(undefined);
  await Promise.all(waiting);
  assert.equal(seen[0].at(-1)?.state, "done");
  assert.equal(clock.sleeping, 0);
});

/** 1000 ticks in a second, then silence. */
async function flood(onStage: OnStage, clock: FakeClock): Promise<void> {
  for (let i = 1; i <= 1000; i += 1) {
    onStage({ name: "download", doneBytes: i });
    clock.advance(1);
  }
  clock.advance(100);
  await new Promise(setImmediate); // whoever was woken has its turn
}

test("a second client waits for, and cancels, what a first one began", async () => {
  const { operations } = registry();
  const { work, begun } = held();
  const id = operations.begin(WHAT, work);
  await begun;
  const waiting = operations.wait(id, { signal });
  assert.equal(operations.cancel(id, "it was cancelled").state, "running");
  const end = await waiting;
  assert.deepEqual([end.state, end.error?.code, end.error?.message], ["cancelled", "CANCELLED", "it was cancelled"]);
  assert.equal(operations.cancel(id, "again").state, "cancelled");
});

test("an owner that goes away cancels; detached, it does not; one that is gone already cancels at once", async () => {
  for (const how of ["owned", "detached", "gone"] as const) {
    const { operations } = registry();
    const owner = new AbortController();
    if (how === "gone") owner.abort();
    const { work, gate, begun } = held();
    const id = operations.begin({ ...WHAT, owner: owner.signal }, async (context) => {
      if (context.signal.aborted) throw context.signal.reason;
      return await work(context);
    });
    if (how !== "gone") await begun;
    if (how === "detached") operations.detach(id);
    owner.abort();
    gate.resolve(1);
    assert.equal((await operations.wait(id, { signal })).state, how === "detached" ? "done" : "cancelled");
  }
});

test("who stops waiting stops nothing", async () => {
  const { operations } = registry();
  const { work, gate, begun } = held();
  const id = operations.begin(WHAT, work);
  await begun;
  const leaving = new AbortController();
  const left = operations.wait(id, { signal: leaving.signal });
  leaving.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  gate.resolve(1);
  assert.equal((await operations.wait(id, { signal })).state, "done");
});

test("work that throws before its first step is an operation that failed", async () => {
  const { operations } = registry();
  const id = operations.begin(WHAT, () => {
    throw new AppError("DISK_FULL", "no room");
  });
  const end = await operations.wait(id, { signal });
  assert.deepEqual([end.state, end.error?.code], ["failed", "DISK_FULL"]);
});

test("what is no error of ours is INTERNAL, and its text stays in the log", async () => {
  const { operations } = registry();
  const id = operations.begin(WHAT, () => Promise.reject(new Error("secret path")));
  const { error } = await operations.wait(id, { signal });
  assert.equal(error?.code, "INTERNAL");
  assert.doesNotMatch(JSON.stringify(error), /secret/);
});

test("history is bounded, and what runs is never pruned", async () => {
  const { operations } = registry();
  const { work, gate, begun } = held();
  const running = operations.begin(WHAT, work);
  await begun;
  const ids: OperationId[] = [];
  for (let i = 0; i < 300; i += 1) {
    const id = operations.begin(WHAT, () => Promise.resolve(i));
    ids.push(id);
    await operations.wait(id, { signal });
  }
  assert.equal(operations.list().length, 201);
  assert.equal(operations.status(running).state, "running");
  const [first = running] = ids;
  assert.throws(
    () => operations.status(first),
    (error) => AppError.is(error, "OPERATION_NOT_FOUND"),
  );
  gate.resolve(1);
});

test("closing cancels what runs and waits until it has undone its work", async () => {
  const { operations } = registry();
  const undo = Promise.withResolvers<void>();
  let undone = false;
  operations.begin(WHAT, async (context) => {
    await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    await undo.promise;
    undone = true;
  });
  const closing = operations.close();
  undo.resolve();
  await closing;
  assert.ok(undone);
  assert.equal(operations.running, 0);
});

test("an operation that never ends its undoing keeps nobody from closing for ever, and is named", async () => {
  const { clock, operations, lines } = registry();
  const id = operations.begin(WHAT, () => new Promise(() => undefined));
  const closing = operations.close();
  clock.advance(90_000);
  await closing;
  const { level, fields } = lines.at(-1) ?? {};
  assert.equal(level, "error");
  assert.deepEqual(fields?.operations, [`image.build of minimal (${id})`]);
});
