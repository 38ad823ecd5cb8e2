import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { CommandLog } from "./command-log.ts";
import { type Piece, readCommandLog } from "./command-log-reader.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-log-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function read(): Promise<readonly Piece[]> {
  return await Array.fromAsync(readCommandLog(directory));
}

test("what was appended is read back in order, with streams and times", async () => {
  const log = await CommandLog.open(directory);
  await log.append("stdout", Buffer.from("one\n"), { at: 1 });
  await log.append("stderr", Buffer.from([0, 255, 10]), { at: 2 });
  await log.append("stdout", Buffer.from("two\n"), { at: 3 });
  assert.deepEqual(log.offsets, { stdout: 8, stderr: 3 });
  const seen = (await read()).map(({ at, stream, data }) => [at, stream, data.toString("latin1")]);
  assert.deepEqual(seen, [
    [1, "stdout", "one\n"],
    [2, "stderr", "\0\xff\n"],
    [3, "stdout", "two\n"],
  ]);
});

test("the next daemon goes on behind the last whole line; a torn one is taken off", async () => {
  const first = await CommandLog.open(directory);
  await first.append("stdout", Buffer.from("kept"), { at: 1 });
  appendFileSync(join(directory, "000000.ndjson"), '{"at":2,"stream":"stdout","from":4,"da');
  const next = await CommandLog.open(directory);
  assert.deepEqual(next.offsets, { stdout: 4, stderr: 0 });
  await next.append("stdout", Buffer.from("again"), { at: 3 });
  assert.equal((await read()).map(({ data }) => data).join(""), "keptagain");
});

test("a flood keeps two segments, and the offsets count what is gone", async () => {
  const log = await CommandLog.open(directory, { segmentBytes: 1000 });
  for (let i = 0; i < 50; i += 1) await log.append("stdout", Buffer.alloc(300, 97), { at: i });
  assert.equal(readdirSync(directory).length, 2);
  assert.deepEqual((await CommandLog.open(directory)).offsets, { stdout: 15_000, stderr: 0 });
});

test("a log that was never written reads as empty", async () => {
  rmSync(directory, { recursive: true });
  assert.deepEqual(await read(), []);
  await CommandLog.open(directory);
});

test("pieces that come at once are written one after the other, also across segments", async () => {
  const log = await CommandLog.open(directory, { segmentBytes: 400 });
  const both = ["stdout", "stderr"] as const;
  await Promise.all(
    Array.from({ length: 6 }, (_, i) => log.append(both[i % 2] ?? "stdout", Buffer.alloc(100, 97), { at: i })),
  );
  assert.deepEqual(log.offsets, { stdout: 300, stderr: 300 });
  assert.deepEqual((await CommandLog.open(directory)).offsets, log.offsets);
  assert.deepEqual(
    (await read()).map(({ at }) => at),
    [2, 3, 4, 5],
  );
});
