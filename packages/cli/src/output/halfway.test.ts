import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { halfway } from "./halfway.ts";

test("an interruption tells that the machine may be stopped; every other failure stays what it is", () => {
  const told = halfway(new AppError("CANCELLED", "interrupted by SIGINT"), "web");
  assert.ok(AppError.is(told, "CANCELLED"));
  assert.deepEqual(
    [told.message, told.hint],
    ["interrupted by SIGINT", "web may be stopped now: `banger list` tells, and `banger start` starts it."],
  );
  const other = new AppError("VM_BUSY", "web is to be deleted");
  assert.equal(halfway(other, "web"), other);
});
