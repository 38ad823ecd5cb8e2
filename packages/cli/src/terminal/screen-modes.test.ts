import assert from "node:assert/strict";
import { test } from "node:test";
import { ScreenModes } from "./screen-modes.ts";

function after(...chunks: string[]): string {
  const modes = new ScreenModes();
  for (const chunk of chunks) modes.see(Buffer.from(chunk));
  return modes.undo();
}

test("what was switched on and not off again is switched off, wherever the text is cut", () => {
  const screen = "text\x1b[?1049h\x1b[?25l more \x1b[?2004;1006h";
  const undone = "\x1b[?1049l\x1b[?25h\x1b[?2004l\x1b[?1006l\x1b[0m";
  for (let cut = 0; cut <= screen.length; cut += 1) {
    assert.equal(after(screen.slice(0, cut), screen.slice(cut)), undone, `cut at ${cut}`);
  }
});

test("what a program has switched back itself, and what nobody would notice, is left alone", () => {
  assert.equal(after("\x1b[?1049h\x1b[?25l", "drawn", "\x1b[?25h\x1b[?1049l"), "");
  assert.equal(after("\x1b[31mred\x1b[0m\x1b[?7h\x1b[?12l\x1b]0;title\x07"), "");
});

test("a flood of escapes is not kept", () => {
  const modes = new ScreenModes();
  for (let i = 0; i < 10_000; i += 1) modes.see(Buffer.from("\x1b[?1"));
  assert.equal(modes.undo(), "");
});
