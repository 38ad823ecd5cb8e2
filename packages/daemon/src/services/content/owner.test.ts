import assert from "node:assert/strict";
import { test } from "node:test";
import { identify, isAlive } from "@banger/platform/process/liveness";
import { createStagingOwner } from "./owner.ts";

test("a process knows itself by its token, and neither another start of its pid nor another boot", async () => {
  const owner = createStagingOwner({ identify, isAlive }, process.pid);
  assert.match(owner.token, /^[0-9a-z-]+$/);
  assert.equal(await owner.isAlive(owner.token), true);
  assert.equal(await owner.isAlive(owner.token.replace(/-(\d+)-/, "-1-")), false);
  assert.equal(await owner.isAlive(owner.token.replace(/.$/, (last) => (last === "0" ? "1" : "0"))), false);
  assert.equal(await owner.isAlive("nonsense"), false);
});

test("who is not there owns nothing", () => {
  assert.throws(() => createStagingOwner({ identify: () => undefined, isAlive }, 1), { code: "INTERNAL" });
});
