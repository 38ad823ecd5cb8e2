import assert from "node:assert/strict";
import { test } from "node:test";
import { hasBehaviour, parseLcov, table, untested } from "./report.ts";

const record = (path: string, functions: string) => `TN:\nSF:${path}\n${functions}\nLF:10\nLH:4\nend_of_record\n`;

test("a report becomes a table", () => {
  const covered = parseLcov(
    record("packages/a/src/a.ts", "FNF:4\nFNH:1") + record("packages/a/src/b.ts", "FNF:0\nFNH:0"),
  );
  const cells = table(covered).map((line) => line.trim().split(/\s{2,}/));
  assert.deepEqual(cells.slice(1), [
    ["packages/a/src/a.ts", "40 %", "25 %"],
    ["packages/a/src/b.ts", "40 %", "-"],
  ]);
});

test("a file is untested if it can do something and no function of it ran, loaded or not", () => {
  const covered = parseLcov(
    record("entered.ts", "FNF:2\nFNH:1") + record("loaded.ts", "FNF:2\nFNH:0") + record("texts.ts", "FNF:0\nFNH:0"),
  );
  const sources = new Map([
    ["entered.ts", "export function a() {}"],
    ["loaded.ts", "export function a() {}"],
    ["never.ts", "export const a = () => 1;"],
    ["texts.ts", 'export const script = "function a() {}";'],
    ["types.ts", "export {};"],
  ]);
  assert.deepEqual(untested(covered, sources), ["loaded.ts", "never.ts"]);
});

test("constants alone are no behaviour", () => {
  assert.equal(hasBehaviour('export const kinds = ["a", "b"];'), false);
});
