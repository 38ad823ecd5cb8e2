import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { errnoOf, isMissing, isOutOfSpace, unlessMissing } from "./errno.ts";

function failure(code: unknown): Error {
  return Object.assign(new Error("a call failed"), { code });
}

test("the name of a failure is told, where it has one", async () => {
  const missing: unknown = await readFile("/nope/nope").catch((error: unknown) => error);
  assert.equal(errnoOf(missing), "ENOENT");
  for (const nameless of [failure(2), new Error("ENOENT"), "ENOENT", undefined])
    assert.equal(errnoOf(nameless), undefined);
});

test("a full disk and a full quota are one; nothing by that name is another thing", () => {
  assert.deepEqual(
    ["ENOSPC", "EDQUOT", "ENOENT"].map((code) => isOutOfSpace(failure(code))),
    [true, true, false],
  );
  assert.deepEqual(
    ["ENOENT", "ENOTDIR"].map((code) => isMissing(failure(code))),
    [true, false],
  );
});

test("only what is missing is undefined; other failures are thrown", async () => {
  assert.equal(await unlessMissing(Promise.resolve(1)), 1);
  assert.equal(await unlessMissing(Promise.reject(failure("ENOENT"))), undefined);
  const other = new AppError("STATE_UNSAFE", "not ours");
  await assert.rejects(unlessMissing(Promise.reject(other)), other);
});
