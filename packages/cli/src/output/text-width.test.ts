import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitColumns } from "./fit-columns.ts";
import { cutText, padText, textWidth, wrapText } from "./text-width.ts";

const letters = fc.constantFrom(
  "a",
  " ",
  "\u6f22",
  "e\u0301",
  "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
  "-",
  "\ud55c",
);
const line = fc.array(letters, { maxLength: 60 }).map((parts) => parts.join(""));

test("wide letters count twice, and none is cut in half", () => {
  assert.equal(textWidth("\u6f22\u5b57"), 4);
  const widths: readonly (readonly [string, number])[] = [
    ...[
      ["e\u0301", 1] as const,
      ["\u{1f468}\u200d\u{1f469}\u200d\u{1f467}", 2] as const,
      ["1\ufe0f\u20e3", 2] as const,
    ],
    ...[["\u{1f1e9}\u{1f1ea}", 2] as const, ["\u1112\u1161\u11ab", 2] as const, ["\uff21", 2] as const],
    ...[
      ["\u00e4\u03b1\u0436", 3] as const,
      ["\u200b", 0] as const,
      ["\u2764\ufe0f", 2] as const,
      ["\u00a9", 1] as const,
    ],
  ];
  for (const [text, columns] of widths) assert.equal(textWidth(text), columns, text);
  assert.equal(cutText("\u6f22\u5b57\u6f22\u5b57\u6f22\u5b57", 8), "\u6f22\u5b57...");
  assert.equal(cutText("abcdefgh", 8), "abcdefgh");
  assert.equal(cutText("abcdefghi", 8), "abcde...");
  assert.equal(cutText("abcdefghi", 3), "abc");
  assert.equal(padText("\u6f22", 4), "\u6f22  ");
});

test("what is cut fits, and what fits is not cut", () => {
  fc.assert(
    fc.property(line, fc.integer({ min: 0, max: 100 }), (text, width) => {
      const cut = cutText(text, width);
      assert.ok(textWidth(cut) <= width);
      if (textWidth(text) <= width) assert.equal(cut, text);
    }),
  );
});

test("what is wrapped keeps its words, and a line is too long for one word only", () => {
  fc.assert(
    fc.property(line, fc.integer({ min: 10, max: 60 }), fc.integer({ min: 0, max: 8 }), (text, width, indent) => {
      const wrapped = wrapText(text, { width, indent }).split("\n");
      assert.deepEqual(wrapped.join(" ").split(/ +/).join(" ").trim(), text.split(/ +/).join(" ").trim());
      for (const part of wrapped) assert.ok(textWidth(part) <= width || !part.trim().includes(" "), part);
    }),
  );
});

test("columns fit, or only what can not be left out is there, as narrow as it may be", () => {
  const column = fc.record({
    natural: fc.integer({ min: 1, max: 60 }),
    least: fc.integer({ min: 1, max: 12 }),
    rank: fc.nat(5),
  });
  fc.assert(
    fc.property(
      fc.array(column, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 10, max: 200 }),
      (columns, width) => {
        const bounded = columns.map((one) => ({ ...one, least: Math.min(one.least, one.natural) }));
        const widths = fitColumns(bounded, { width, gap: 2 });
        const shown = widths.filter((one) => one > 0);
        const total = shown.reduce((sum, one) => sum + one, 0) + 2 * Math.max(0, shown.length - 1);
        const necessary = bounded.every(({ rank, least }, at) =>
          rank === 0 ? widths[at] === least : widths[at] === 0,
        );
        assert.ok(total <= width || necessary, JSON.stringify(widths));
        for (const [at, { rank, natural, least }] of bounded.entries()) {
          const given = widths[at] ?? 0;
          assert.ok((given === 0 && rank > 0) || (given >= least && given <= natural));
        }
      },
    ),
  );
});
