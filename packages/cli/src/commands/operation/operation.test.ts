/** Operations by id, from a client that did not begin them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { OperationView, operationMethods } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import { World } from "../../testing/world.ts";

/** Runs until it is cancelled. */
async function endless(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => reject(signal.reason));
  return await promise;
}

test("list shows what runs and what has ended, as a table, ids or JSON", async () => {
  await using world = await World.make();
  const done = world.daemon.operations.begin("image.build", "minimal", async () => "image").operation;
  await world.daemon.operations.settled();
  const runs = world.daemon.operations.begin("vm.create", "web", endless).operation;
  assert.equal(
    (await world.run(["operation", "list"])).stdout,
    `ID            KIND         SUBJECT  STATE    BEGUN      TOOK  STAGE
${done}  image.build  minimal  done     1 min ago  5 ms  image.build
${runs}  vm.create    web      running  1 min ago        vm.create
`,
  );
  assert.equal((await world.run(["operation", "ls", "--running", "-q"])).stdout, `${runs}\n`);
  const json = JSON.parse((await world.run(["operation", "list", "--json"])).stdout);
  assert.equal(operationMethods["operation.list"].result.parse(json).operations.length, 2);
  await world.run(["operation", "cancel", runs]);
});

test("show tells the stages and the error; an id may be cut short", async () => {
  await using world = await World.make();
  const { operation } = world.daemon.operations.begin("kernel.pull", "debian", () =>
    Promise.reject(new AppError("DOWNLOAD_FAILED", "the mirror does not answer")),
  );
  await world.daemon.operations.settled();
  assert.equal(
    (await world.run(["operation", "show", operation.slice(0, 11)])).stdout,
    `Id:      ${operation}
Kind:    kernel.pull
Subject: debian
State:   failed
Begun:   1 min ago
Took:    5 ms
Stage:   kernel.pull, 5 ms
Error:   the mirror does not answer (DOWNLOAD_FAILED)
`,
  );
  OperationView.parse(JSON.parse((await world.run(["operation", "show", operation, "--json"])).stdout));
});

test("wait ends with the operation, and as it did", async () => {
  await using world = await World.make();
  const { operations } = world.daemon;
  const done = operations.begin("image.build", "minimal", async () => "image").operation;
  const ran = await world.run(["operation", "wait", done, "--json"]);
  assert.equal(ran.stderr, "banger: image.build\nbanger: image.build minimal is done in 0 ms\n");
  assert.equal(OperationView.parse(JSON.parse(ran.stdout)).state, "done");
  const failing = operations.begin("kernel.pull", "debian", () =>
    Promise.reject(new AppError("DISK_FULL", "12 MiB are free, 100 are needed")),
  ).operation;
  const failed = await world.run(["operation", "wait", "-q", failing]);
  assert.deepEqual([failed.status, failed.stdout], [3, ""]);
  assert.match(failed.stderr, /^banger: 12 MiB are free, 100 are needed\n/);
});

test("cancel returns when the operations have ended, and leaves what has ended as it is", async () => {
  await using world = await World.make();
  const { operations } = world.daemon;
  const done = operations.begin("image.build", "minimal", async () => "image").operation;
  await operations.settled();
  const runs = operations.begin("vm.create", "web", endless).operation;
  const ran = await world.run(["operation", "cancel", runs, done]);
  assert.deepEqual(ran, { status: 0, stdout: `${runs}\n${done}\n`, stderr: "" });
  assert.deepEqual(
    [runs, done].map((id) => operations.status(id).state),
    ["cancelled", "done"],
  );
});

test("an id that there is not is 4, and one that several begin with too", async () => {
  await using world = await World.make();
  assert.deepEqual(await world.run(["operation", "show", "nope"]), {
    ...{ status: 4, stdout: "" },
    stderr: 'banger: there is no operation "nope"\nhint: Finished operations are kept for a while only.\n',
  });
  const { operations } = world.daemon;
  // 37 ids share a first character at least once.
  const ids = Array.from({ length: 37 }, () => operations.begin("vm.stop", "web", async () => null).operation);
  const first = ids.find((id) => ids.some((other) => other !== id && other[0] === id[0]))?.[0] ?? "";
  const ran = await world.run(["operation", "cancel", first]);
  assert.equal(ran.status, 4);
  assert.match(ran.stderr, /^banger: several operations begin with "."\n/);
});
