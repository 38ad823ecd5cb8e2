import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { CommandLog } from "./command-log.ts";
import { commandOutput, type LoggedCommand, type OutputOptions } from "./command-output.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-log-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Commands that have written these pieces; segments are small, so that most lines lie in a younger one. */
async function written(name: string, commands: readonly (readonly string[])[]): Promise<readonly LoggedCommand[]> {
  const made = commands.map(async (pieces, index) => {
    const log = join(directory, `${name}-${index}`);
    const to = await CommandLog.open(log, { segmentBytes: 1_000 });
    for (const [at, piece] of pieces.entries())
      await to.append(at % 2 ? "stderr" : "stdout", Buffer.from(piece), { at });
    return { id: String(index), log, growing: undefined };
  });
  return await Promise.all(made);
}

async function read(commands: readonly LoggedCommand[], options: OutputOptions): Promise<string> {
  const pieces = await Array.fromAsync(commandOutput(commands, options));
  return Buffer.concat(pieces.map(({ data }) => data)).toString();
}

test("the last lines are those of all commands as one text, however it was cut into pieces", async () => {
  const piece = fc.array(fc.constantFrom("a", "bc", "\n"), { maxLength: 5 }).map((parts) => parts.join(""));
  const commands = fc.array(fc.array(piece, { maxLength: 6 }), { maxLength: 3 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(commands, fc.nat(9), async (pieces, tail) => {
      run += 1;
      const logged = await written(String(run), pieces);
      const whole = await read(logged, {});
      assert.equal(whole, pieces.flat().join(""));
      const lines = whole.split(/(?<=\n)/).filter(Boolean);
      assert.equal(await read(logged, { tail }), tail === 0 ? "" : lines.slice(-tail).join(""));
    }),
    { numRuns: 60 },
  );
});

test("pieces larger than what is read at once are found from the end, too", async () => {
  const long = `${"x".repeat(400_000)}\n`;
  const logged = await written("long", [["first\n", long, long]]);
  assert.equal((await read(logged, { tail: 1 })).length, long.length);
});

test("what was written before a time is left out", async () => {
  const logged = await written("times", [["0", "1", "2", "3"]]);
  assert.equal(await read(logged, { since: 2 }), "23");
});
