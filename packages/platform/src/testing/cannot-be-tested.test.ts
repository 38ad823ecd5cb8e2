import assert from "node:assert/strict";
import { test } from "node:test";
import { cannotBeTested } from "./cannot-be-tested.ts";

test("what the host lacks is told as the reason of a skip, and of a failure where nothing may be lacking", () => {
  const reasons: string[] = [];
  const attempt = () => cannotBeTested({ skip: (reason) => reasons.push(reason) }, "qemu is not installed");
  const mustHaveAll = process.env.REQUIRE_VM === "1";
  if (mustHaveAll) assert.throws(attempt, { code: "PREREQUISITE_MISSING", message: "qemu is not installed" });
  else attempt();
  assert.deepEqual(reasons, mustHaveAll ? [] : ["qemu is not installed"]);
});
