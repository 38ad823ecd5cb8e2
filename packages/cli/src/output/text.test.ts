/** The small functions that make text. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import { suggest } from "../program/suggest.ts";
import { printableLines } from "./printable-lines.ts";
import { formatTable } from "./table.ts";
import { formatAge, formatDuration } from "./time.ts";

test("durations and ages", () => {
  const durations = [0, 999, 1000, 1999, 59_999, 60_000, 125_000, 3_600_000, 7_500_000].map(formatDuration);
  assert.deepEqual(durations, [
    ...["0 ms", "999 ms", "1.0 s", "1.9 s", "59.9 s", "1 min 0 s", "2 min 5 s", "1 h 0 min", "2 h 5 min"],
  ]);
  const at = "2026-01-01T00:00:00.000Z";
  const ages = [-5_000, 1_000, 61_000, 7_200_000, 47 * 3_600_000, 48 * 3_600_000];
  assert.deepEqual(
    ages.map((ms) => formatAge(at, Date.parse(at) + ms)),
    ["0 s ago", "1 s ago", "1 min ago", "2 h ago", "47 h ago", "2 days ago"],
  );
  assert.equal(formatAge("nonsense", 0), "unknown");
});

test("a suggestion is near, or there is none", () => {
  const known = ["run", "list", "delete", "--memory", "--json"];
  const meant = ["rnu", "lst", "delet", "--memroy", "-json", "x", "frobnicate", ""].map((word) => suggest(word, known));
  assert.deepEqual(meant, ["run", "list", "delete", "--memory", "--json", undefined, undefined, undefined]);
});

const plain = { width: undefined, paint: (_: unknown, text: string) => text };

test("cells of a table can not act", () => {
  assert.equal(
    formatTable(
      [
        { head: "A", rank: 0 },
        { head: "B", rank: 0 },
      ],
      [["x\x1b[2J\n", "y"]],
      plain,
    ),
    "A             B\nx\\x1b[2J\\x0a  y\n",
  );
});

test("what a guest wrote comes out the same however it was cut, and holds nothing that acts", async () => {
  const written = fc.array(fc.constantFrom("a", "\r", "\n", "\x1b[0m", "é", "\u202e", "\x9b", "\t"), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(written, fc.integer({ min: 1, max: 7 }), async (parts, size) => {
      const bytes = Buffer.from(parts.join(""));
      const show = async (step: number) => {
        const stream = new PassThrough();
        for (let at = 0; at < bytes.length; at += step) stream.write(bytes.subarray(at, at + step));
        stream.end();
        return await text(stream.pipe(printableLines()));
      };
      const whole = await show(Math.max(1, bytes.length));
      assert.equal(await show(size), whole);
      assert.match(whole, /^[\n\t\x20-\x7eé]*$/);
    }),
    { numRuns: 60 },
  );
});
