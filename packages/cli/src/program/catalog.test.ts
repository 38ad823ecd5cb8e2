/**
 * What holds for every command, whoever adds it: its examples work as they stand, `--json` answers one document, `-q` leaves
 * ids or nothing. A command that can not keep to this says why in its own data (`without`).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exampleArguments, runExample } from "../testing/example-world.ts";
import { catalog } from "./catalog.ts";
import type { Command, Example } from "./command.ts";
import { findCommand, shortestName } from "./find-command.ts";

type Named = { readonly name: string; readonly command: Command };

async function commands(): Promise<readonly Named[]> {
  return await Promise.all(
    catalog.map(async (entry) => ({ name: shortestName(entry), command: (await entry.load()).command })),
  );
}

/** Examples that this command itself answers: not those of another one, whose output is a command's, or which never end. */
function answered({ name, command }: Named): readonly Example[] {
  return command.examples.filter(({ line, endless }) => {
    const words = exampleArguments(line);
    if (endless || words.includes("--") || words.at(-1) === "-" || words[0] === "--version") return false;
    const found = findCommand(words);
    return found.kind === "command" && shortestName(found.entry) === name;
  });
}

test("every example of every command runs as it stands", async () => {
  for (const { name, command } of await commands()) {
    assert.ok(command.examples.length > 0, `${name} has no example`);
    for (const example of command.examples) {
      if (exampleArguments(example.line)[0] === "--version") continue; // main.ts answers it
      const { status, stderr } = await runExample(example);
      if (/would become/.test(stderr)) continue; // it becomes another program, which no test can
      // The fake daemon's machines know few programs; that one is not found is an answer of theirs.
      const good = command.status === undefined ? [0] : [0, 127];
      assert.ok(good.includes(example.endless ? 0 : status), `${example.line}: ${status}\n${stderr}`);
      if (example.endless) assert.deepEqual([status, stderr], [130, ""], example.line);
    }
  }
});

test("every command has --json and --quiet, or says why not", async () => {
  for (const { name, command } of await commands()) {
    for (const option of ["json", "quiet"] as const) {
      const reason = command.without?.[option];
      const has = Object.hasOwn(command.options, option);
      assert.ok(has !== (reason !== undefined), `${name}: --${option} in its options, or a reason in \`without\``);
    }
    if (command.options.quiet) assert.equal(command.options.quiet.short, "q", name);
  }
});

test("--json prints one JSON document", async () => {
  for (const named of await commands()) {
    if (named.command.without?.json !== undefined) continue;
    const examples = answered(named);
    let answers = 0;
    for (const example of examples) {
      const { status, stdout, stderr } = await runExample(example, example.line.includes("--json") ? [] : ["--json"]);
      if (status === 2 || /would become/.test(stderr)) continue; // the two do not go together, and it says so
      assert.equal(status, 0, `${example.line}: ${stderr}`);
      assert.ok(typeof JSON.parse(stdout) === "object" && stdout.endsWith("\n"), example.line);
      answers += 1;
    }
    assert.ok(examples.length === 0 || answers > 0, `no example of ${named.name} goes with --json`);
  }
});

test("-q prints ids or names, one a line, or nothing", async () => {
  for (const named of await commands()) {
    if (named.command.without?.quiet !== undefined) continue;
    for (const example of answered(named)) {
      if (/ (?:--json|-q|--quiet)\b/.test(example.line)) continue;
      const { status, stdout, stderr } = await runExample(example, ["-q"]);
      if (/would become/.test(stderr)) continue;
      assert.deepEqual([status, stderr], [0, ""], example.line);
      for (const line of stdout.split("\n")) assert.match(line, /^\S*$/, example.line);
    }
  }
});

test("nothing is written after the answer has begun", async () => {
  for (const named of await commands()) {
    for (const example of answered(named)) {
      const { status, late, stderr } = await runExample(example);
      assert.ok(status !== 0 || !late, `${example.line}: ${stderr}`);
    }
  }
});
