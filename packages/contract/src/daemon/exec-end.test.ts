import assert from "node:assert/strict";
import { test } from "node:test";
import { parseExecEnd } from "./exec-end.ts";

test("an end is a status, a signal or an error, and nothing else is handed on", () => {
  assert.deepEqual(parseExecEnd({ status: 255, more: 1 }), { status: 255 });
  assert.deepEqual(parseExecEnd({ signal: 9 }), { signal: 9 });
  const error = { code: "VMM_DIED", message: "it ended" };
  assert.deepEqual(parseExecEnd({ error: { ...error, facts: {} } }), { error });
  assert.deepEqual(parseExecEnd({ error: { ...error, hint: "look" } }), { error: { ...error, hint: "look" } });
});

test("what is no end is refused", () => {
  const wrong = [
    null,
    7,
    "0",
    [],
    {},
    { status: 256 },
    { status: -1 },
    { status: 0.5 },
    { status: "0" },
    { signal: 0 },
  ];
  for (const value of [...wrong, { signal: 65 }, { error: null }, { error: { code: "X" } }]) {
    assert.throws(() => parseExecEnd(value), TypeError, JSON.stringify(value));
  }
});
