import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { checkSizes, summary, tooLong } from "./sizes.ts";

test("no source file is longer than the cap", async () => {
  assert.deepEqual(await checkSizes(join(import.meta.dirname, "..")), []);
});

test("a file above the cap needs a reason, and a reason needs a file above the cap", () => {
  const sizes = [
    { path: "packages/a/src/a.ts", lines: 301 },
    { path: "packages/a/src/b.ts", lines: 400 },
    { path: "packages/a/src/c.ts", lines: 300 },
  ];
  const allowed = { "packages/a/src/b.ts": "a table", "packages/a/src/c.ts": "was long once" };
  assert.deepEqual(tooLong(sizes, allowed), [
    "packages/a/src/a.ts: 301 lines; the cap is 300",
    "packages/a/src/c.ts: is listed as longer than 300 lines, but is not",
  ]);
});

test("the summary has a line for each package", () => {
  const sizes = [10, 20, 30].map((lines) => ({ path: `packages/a/src/${lines}.ts`, lines }));
  const lines = summary([...sizes, { path: "tools/b.ts", lines: 5 }]).map((line) => line.trim().split(/\s+/));
  assert.deepEqual(lines.slice(1), [
    ["packages/a", "3", "20", "30", "30"],
    ["tools", "1", "5", "5", "5"],
  ]);
});
