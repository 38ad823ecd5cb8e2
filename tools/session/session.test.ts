/** The session in README.md: its commands are those of the recording and parse today, and how it was read off the screen. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findCommand } from "../../packages/cli/src/program/find-command.ts";
import { parseInput } from "../../packages/cli/src/program/parse.ts";
import { sessionCommands, sessionOf, withSession } from "./commands.ts";
import { screenOf } from "./screen.ts";

const page = await readFile(join(import.meta.dirname, "../../README.md"), "utf8");

test("the page has the commands of the recording, each with an answer, and they parse", async () => {
  const lines = sessionOf(page);
  const typed = lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2));
  assert.deepEqual(typed, sessionCommands);
  for (const [index, line] of lines.entries()) {
    if (line.startsWith("$ ")) assert.ok(lines[index + 1] !== undefined && !lines[index + 1]?.startsWith("$ "), line);
  }
  for (const line of typed) {
    const [program, ...words] = (line.split(" | ")[0] ?? "").split(" ");
    const found = findCommand(words);
    assert.ok(program === "./banger" && found.kind === "command", line);
    parseInput(found.rest, { name: "x", data: (await found.entry.load()).command, given: { env: {} } });
  }
});

test("the session is replaced, and nothing else", () => {
  const lines = ["$ ./banger list", "NAME  ID", "", "web   abc"];
  const replaced = withSession(page, lines);
  assert.deepEqual(sessionOf(replaced), lines);
  assert.equal(withSession(replaced, sessionOf(page)), page);
});

test("a screen is what was not drawn over", () => {
  assert.deepEqual(screenOf("> a  0 ms\r\n\x1b[1A\r\x1b[J  a  1 s\r\n> b\r\n\x1b[2A\r\x1b[Jready\r\nweb\r\n"), [
    "ready",
    "web",
  ]);
  assert.deepEqual(screenOf("10 files\r\x1b[Kcopied\r\n"), ["copied"]);
  assert.deepEqual(screenOf("abc\rX\r\n\r\ntail  "), ["Xbc", "", "tail"]);
});
