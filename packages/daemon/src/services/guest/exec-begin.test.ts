import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { ERRNO } from "@banger/contract/guest/errno";
import { explainRefusal } from "./exec-begin.ts";

const spec = { id: "4f7k2m9q0abc", argv: ["ls"], environment: [], cwd: "/none", user: "nobody-here" };

function explained(errno: number): { code: string; hint: string } {
  const error = explainRefusal(new AppError("GUEST_REFUSED", "refused", { facts: { errno, reason: "why" } }), spec);
  assert.ok(AppError.is(error));
  assert.equal(error.message, '"ls" can not be run: why');
  return { code: error.code, hint: error.hint };
}

test("a directory and a user that a machine lacks are named", () => {
  const code = "COMMAND_NOT_EXECUTABLE";
  assert.deepEqual(explained(ERRNO.notDirectory), { code, hint: 'Check that the machine has a directory "/none".' });
  assert.deepEqual(explained(ERRNO.invalid), { code, hint: 'Check that the machine has a user "nobody-here".' });
  assert.equal(explained(ERRNO.noEntry).code, "COMMAND_NOT_FOUND");
});

test("a line that was meant for a shell is told where it goes", () => {
  const refused = new AppError("GUEST_REFUSED", "refused", { facts: { errno: ERRNO.noEntry, reason: "why" } });
  const hintFor = (argv: string[]) => {
    const error = explainRefusal(refused, { ...spec, argv });
    return AppError.is(error) ? error.hint : undefined;
  };
  assert.equal(hintFor(["ls -l | wc"]), "A line for a shell goes to one: sh -c 'LINE'.");
  assert.equal(hintFor(["sl", "-l a"]), "The command is not in the image's PATH.");
});
