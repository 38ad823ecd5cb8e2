/**
 * Every unit test in one process: a process for each of the many small files would take most of the time.
 * Tests of real machines (`*.vm.test.ts`, tests/) have a process each and are not found here.
 */
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "node:test";

const root = join(import.meta.dirname, "../..");

const patterns = ["packages/*/src/**/*.test.ts", "tools/**/*.test.ts", "bench/**/*.test.ts"];
const found = await Array.fromAsync(glob(patterns, { cwd: root, exclude: ["**/node_modules", "**/*.vm.test.ts"] }));

for (const path of found.sort()) {
  // A suite of its own, so that the hooks of one file are not run for another.
  suite(path, async () => {
    await import(join(root, path));
  });
}
