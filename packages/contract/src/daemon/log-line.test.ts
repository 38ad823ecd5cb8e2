import assert from "node:assert/strict";
import { test } from "node:test";
import { parseLogLine } from "./log-line.ts";

test("what is told of a log is a mark or its end, and nothing else", () => {
  const mark = { from: 0, of: "console", part: "1.2", at: 3, skip: 4 };
  assert.deepEqual(parseLogLine({ ...mark, more: "of a later daemon" }), mark);
  assert.deepEqual(parseLogLine({ end: "deleted" }), { end: "deleted" });
  const wrong = [null, "all", {}, { end: "soon" }, { ...mark, of: 1 }, { ...mark, at: -1 }, { ...mark, skip: 0.5 }];
  for (const value of wrong) assert.throws(() => parseLogLine(value), TypeError, JSON.stringify(value));
});
