import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { CommandLog } from "./command-log.ts";
import { readCommandLog } from "./command-log-reader.ts";
import { lastScreen, logEnd, type Replay, resumeAt } from "./replay.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-replay-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

type Written = readonly ["stdout" | "stderr", string];

async function write(pieces: readonly Written[], options: { segmentBytes?: number } = {}): Promise<CommandLog> {
  const log = await CommandLog.open(directory, options);
  for (const [at, [stream, text]] of pieces.entries()) await log.append(stream, Buffer.from(text), { at });
  return log;
}

/** What a client is shown of a stream, read as it is served. */
async function shown(stream: "stdout" | "stderr", { place, from }: Replay): Promise<string> {
  let text = "";
  for await (const piece of readCommandLog(directory, { start: place })) {
    if (piece.stream === stream) text += piece.data.subarray(Math.max(0, from[stream] - piece.from)).toString();
  }
  return text;
}

const MIXED: readonly Written[] = [
  ["stdout", "one\n"],
  ["stderr", "no\n"],
  ["stdout", "two\n"],
  ["stderr", "never\n"],
];

test("a client goes on where it stood in each stream, in the middle of a piece, too", async () => {
  const { offsets: end } = await write(MIXED);
  for (const wanted of [
    { stdout: 0, stderr: 0 },
    { stdout: 6, stderr: 3 },
    { stdout: 8, stderr: 1 },
    { stdout: 8, stderr: 9 },
  ]) {
    const replay = await resumeAt(directory, { wanted, end });
    assert.deepEqual(replay.from, wanted);
    assert.equal(await shown("stdout", replay), "one\ntwo\n".slice(wanted.stdout));
    assert.equal(await shown("stderr", replay), "no\nnever\n".slice(wanted.stderr));
  }
});

test("what was not kept is told as missing", async () => {
  const log = await write(
    Array.from({ length: 20 }, (_, index) => ["stdout", `${String(index).padStart(3)}\n`] as const),
    { segmentBytes: 300 },
  );
  const replay = await resumeAt(directory, { wanted: { stdout: 4, stderr: 0 }, end: log.offsets });
  assert.ok(replay.from.stdout > 4 && replay.from.stdout < 80, `it goes on at ${replay.from.stdout}`);
  const kept = await shown("stdout", replay);
  assert.equal(replay.from.stdout + kept.length, 80);
  assert.ok(kept.endsWith(" 18\n 19\n"));
});

test("the last screen begins with a line; less than a screen is shown whole", async () => {
  const { offsets } = await write(MIXED);
  assert.equal(await shown("stdout", await lastScreen(directory, offsets)), "one\ntwo\n");
  const lines = Array.from({ length: 9_000 }, (_, index) => `${index}-0123456789\n`);
  const log = await CommandLog.open(directory);
  for (let at = 0; at < lines.length; at += 50) {
    const text = lines.slice(at, at + 50).join("");
    await log.append("stdout", Buffer.from(text.slice(0, -5)), { at });
    await log.append("stdout", Buffer.from(text.slice(-5)), { at });
  }
  const screen = await shown("stdout", await lastScreen(directory, log.offsets));
  assert.ok(screen.length > 60_000 && screen.length < 80_000, `${screen.length} bytes`);
  assert.ok(lines.join("").endsWith(screen));
  assert.match(screen, /^\d+-0123456789\n/);
});

test("the end of a log is known by its last pieces; that of none is the beginning", async () => {
  assert.deepEqual(await logEnd(directory), { stdout: 0, stderr: 0 });
  await write(MIXED);
  assert.deepEqual(await logEnd(directory), { stdout: 8, stderr: 9 });
});
