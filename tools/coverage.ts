/**
 * Runs the unit tests with node's coverage, prints lines and functions per file, and fails where a file with
 * behaviour was entered by no test.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { glob, mkdir, readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import { parseLcov, table, untested } from "./coverage/report.ts";

const root = join(import.meta.dirname, "..");
const report = join(root, "build/coverage.lcov");

/** Files that unit tests cannot enter, each with its reason. */
const exceptions: { readonly [path: string]: string } = {
  "packages/cli/src/main.ts": "the entry point; tests of real machines start it as a process",
  "packages/daemon/src/main.ts": "the entry point; tests of real machines start it as a process",
  "packages/vmm/src/testing/qemu.ts": "a program that the driver's tests start as a process",
};

async function runTests(): Promise<number> {
  await mkdir(join(root, "build"), { recursive: true });
  const argv = [
    "--experimental-test-coverage",
    "--test-coverage-include=packages/*/src/**/*.ts",
    "--test-coverage-exclude=**/*.test.ts",
    "--test-reporter=dot",
    "--test-reporter-destination=stdout",
    "--test-reporter=lcov",
    `--test-reporter-destination=${report}`,
    join(root, "tools/test/unit.ts"),
  ];
  const child = spawn(process.execPath, argv, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  const [status] = await once(child, "close");
  return Number(status ?? 1);
}

async function readSources(): Promise<Map<string, string>> {
  const found = await Array.fromAsync(glob("packages/*/src/**/*.ts", { cwd: root, exclude: ["**/*.test.ts"] }));
  const texts = found.sort().map(async (path) => {
    const code = stripTypeScriptTypes(await readFile(join(root, path), "utf8"));
    return [path, code] as const;
  });
  return new Map(await Promise.all(texts));
}

const status = await runTests();
const covered = parseLcov(await readFile(report, "utf8"));
process.stdout.write(`${table(covered).join("\n")}\n`);
const missed = untested(covered, await readSources()).filter((path) => !(path in exceptions));
for (const path of missed) process.stderr.write(`${path}: no unit test enters it\n`);
process.exitCode = status !== 0 || missed.length > 0 ? 1 : 0;
