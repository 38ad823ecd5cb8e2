import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";

const MODULE = new URL("./inherited.ts", import.meta.url).href;
const PROGRAM = `
  import { closeInherited } from ${JSON.stringify(MODULE)};
  closeInherited({ keep: [] });
  console.error("closed");
  process.stdin.resume().on("end", () => process.exit());
`;

test("a pipe that was not meant for a process ends while that lives", { timeout: 20_000 }, async () => {
  const argv = [process.execPath, "--input-type=module", "--no-warnings", "-e", PROGRAM];
  const child = spawn("bash", ["-c", 'exec 200>&1 >/dev/null; exec "$@"', "bash", ...argv]);
  await Promise.all([once(child.stdout.resume(), "end"), once(child.stderr, "data")]);
  assert.equal(child.exitCode, null);
  child.stdin.end();
  assert.deepEqual(await once(child, "exit"), [0, null]);
});
