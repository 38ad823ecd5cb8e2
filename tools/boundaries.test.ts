import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { packageRules, textRules } from "./boundaries/rules.ts";
import { parseSource } from "./boundaries/source.ts";
import { checkAllowances, checkImports, checkTables, checkText, checkTree } from "./boundaries.ts";

const file = (path: string, ...lines: string[]) => parseSource(`packages/${path}`, lines.join("\n"));

test("the packages keep to their rules", async () => {
  const tables = { packages: packageRules, texts: textRules };
  assert.deepEqual(await checkTree(join(import.meta.dirname, ".."), tables), []);
});

for (const [path, line] of [
  ["contract/src/a.ts", 'import { readFile } from "node:fs/promises";'],
  ["contract/src/a.ts", 'import type { Exec } from "@banger/platform/exec/run";'],
  ["platform/src/a.ts", 'import { drive } from "@banger/vmm/driver";'],
  ["platform/src/a.ts", 'import * as z from "zod";'],
  ["vmm/src/a.ts", 'const daemon = await import("@banger/daemon/compose");'],
  ["sdk/src/a.ts", 'export { Actors } from "@banger/platform/actor";'],
  ["cli/src/a.ts", 'import "@banger/daemon/main";'],
  ["cli/src/a.ts", 'import { a } from "../../daemon/src/a.ts";'],
  ["cli/src/a.ts", 'import fc from "fast-check";'],
  ["daemon/src/a.ts", 'import { a } from "./a";'],
] as const) {
  test(`${path} may not say ${line}`, () => {
    assert.equal(checkImports(file(path, line), packageRules).length, 1);
  });
}

for (const [path, line] of [
  ["contract/src/a.ts", 'import * as z from "zod";'],
  ["contract/src/a.test.ts", 'import { test } from "node:test";'],
  ["contract/src/a.test.ts", 'import fc from "fast-check";'],
  ["sdk/src/a.ts", 'import { connect } from "@banger/platform/rpc/connect";'],
  ["platform/src/a.ts", 'const bytes = Buffer.from("abc");'],
  ["daemon/src/a.ts", '// import { a } from "left-pad";'],
  ["daemon/src/a.ts", 'import { b } from "@banger/daemon/b";'],
] as const) {
  test(`${path} may say ${line}`, () => {
    assert.deepEqual(checkImports(file(path, line), packageRules), []);
  });
}

for (const [rule, path, line] of [
  ["child processes", "daemon/src/a.ts", 'import { spawn } from "node:child_process";'],
  ["argv, environment, signals, exit", "cli/src/run.ts", "const [, , name] = process.argv;"],
  ["argv, environment, signals, exit", "daemon/src/a.ts", 'process.on("SIGTERM", stop);'],
  ["services", "daemon/src/api/a.ts", "const vms = new VmService({ clock });"],
  ["pids", "platform/src/process/a.ts", "process.kill(pid, 0);"],
  ["pids", "daemon/src/a.ts", 'const pids = await readdir("/proc");'],
  ["synchronous files", "daemon/src/a.ts", "const text = readFileSync(path);"],
  ["all of zod", "contract/src/a.ts", 'import { z } from "zod";'],
  ["recursive removal", "vmm/src/a.ts", "await rm(path, {\n  recursive: true });"],
] as const) {
  test(`${path} may not say ${line}`, () => {
    const [found = ""] = checkText(file(path, "// one line above", line), textRules);
    assert.ok(found.startsWith(`packages/${path}:2: `) && found.includes(`(${rule})`), found);
  });
}

for (const [path, line] of [
  ["platform/src/exec/exec-node.ts", 'import { spawn } from "node:child_process";'],
  ["cli/src/main.ts", "await main(process.argv.slice(2), process.env);"],
  ["daemon/src/compose.ts", "const vms = new VmService({ clock });"],
  ["daemon/src/a.ts", "/* process.env is read in main.ts */ const db = new DatabaseSync(path);"],
  ["daemon/src/a.ts", "await process.kill({ signal }); // a machine's process, by its pidfd"],
  ["daemon/src/a.test.ts", "const text = readFileSync(path);"],
] as const) {
  test(`${path} may say ${line}`, () => {
    assert.deepEqual(checkText(file(path, line), textRules), []);
  });
}

test("a rule about nothing, and a package without a rule, are found", () => {
  const rule = { packages: [], npm: [], node: true, reason: "" };
  const text = { name: "x", forbidden: /x/, except: ["packages/a/src/gone.ts"], reason: "" };
  const tables = { packages: { a: rule, b: rule }, texts: [text] };
  assert.deepEqual(checkTables(tables, { packages: ["a", "c"], files: ["packages/a/src/a.ts"] }), [
    "packages/c has no rule",
    "a rule names packages/b, which does not exist",
    "a rule names packages/a/src/gone.ts, which does not exist",
  ]);
});

test("an import that is allowed and not made is found", () => {
  const rules = { a: { packages: ["b", "c/x"], npm: ["zod", "pino"], node: true, reason: "" } };
  const made = [
    file("a/src/a.ts", 'import * as z from "zod";'),
    file("a/src/b.ts", 'import { y } from "@banger/c/x/y";'),
  ];
  assert.deepEqual(checkAllowances([...made, file("d/src/a.ts", 'import "@banger/b/a";')], rules), [
    "a rule lets a import @banger/b, which it does not",
    "a rule lets a import pino, which it does not",
  ]);
});
