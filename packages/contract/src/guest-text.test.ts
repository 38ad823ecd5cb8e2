import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { GuestText, sanitize } from "./guest-text.ts";

const nasty = fc.string({ unit: "binary", maxLength: 200 });
/** C0, DEL, C1, bidi controls, zero width, line separators */
const active =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must never come through
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

test("nothing that a terminal obeys comes through, whichever way the text is printed", () => {
  fc.assert(
    fc.property(nasty, (raw) => {
      const text = new GuestText(raw);
      for (const shown of [`${text}`, text.printable(), inspect(text), JSON.parse(JSON.stringify(text))]) {
        assert.doesNotMatch(shown, active);
        assert.ok(shown.isWellFormed());
      }
    }),
  );
});

test("with lines, only line feed and tab are let through", () => {
  fc.assert(
    fc.property(nasty, (raw) => assert.doesNotMatch(sanitize(raw, { lines: true }).replace(/[\n\t]/g, ""), active)),
  );
});

test("sanitizing what is already clean changes nothing", () => {
  fc.assert(fc.property(nasty, (raw) => assert.equal(sanitize(sanitize(raw)), sanitize(raw))));
});

test("plain words stay as they are; an escape sequence and a bidi override are shown, not obeyed", () => {
  assert.equal(sanitize("no such file: /etc/größe"), "no such file: /etc/größe");
  assert.equal(sanitize("\u001b]0;pwned\u0007"), "\\x1b]0;pwned\\x07");
  assert.equal(sanitize("evil\u202etxt.exe"), "evil\\u{202e}txt.exe");
  assert.equal(sanitize("\u009b2J"), "\\x9b2J");
});

test("a long text is cut before it is escaped", () => {
  assert.equal(sanitize("abcdef", { max: 3 }), "abc…");
});

test("the raw text is there for those who ask for it by name", () => {
  assert.equal(new GuestText("a\nb").raw(), "a\nb");
  assert.ok(new GuestText("x").equals("x"));
});
