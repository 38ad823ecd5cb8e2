import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { appendFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import fc from "fast-check";
import { type RotatedLogOptions, type RotatedPlace, rotatedLog } from "./rotated-log.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "banger-log-"));
  path = join(directory, "console.log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function read(options: RotatedLogOptions = {}): Promise<string> {
  const chunks = await Array.fromAsync(rotatedLog(path, options));
  return Buffer.concat(chunks.map(({ data }) => data)).toString("latin1");
}

/** As tail(1) would. */
function lastOf(text: string, lines: number): string {
  const all = text.split(/(?<=\n)/).filter(Boolean);
  return lines === 0 ? "" : all.slice(-lines).join("");
}

test("the last lines are those of both generations, wherever the cut between them is", async () => {
  const text = fc.array(fc.constantFrom("a", "bc", "\n"), { maxLength: 30 }).map((parts) => parts.join(""));
  await fc.assert(
    fc.asyncProperty(text, text, fc.nat(12), async (older, newer, tail) => {
      writeFileSync(`${path}.1`, older);
      writeFileSync(path, newer);
      assert.equal(await read({ tail }), lastOf(older + newer, tail));
      assert.equal(await read(), older + newer);
    }),
    { numRuns: 200 },
  );
});

test("lines longer than what is read at once are found from the end", async () => {
  const long = `${"x".repeat(200_000)}\n`;
  writeFileSync(path, `first\n${long}${long}`);
  assert.equal((await read({ tail: 2 })).length, 2 * long.length);
  assert.equal(await read({ tail: 3 }), `first\n${long}${long}`);
});

/** Where what was written so far ends. */
async function end(): Promise<RotatedPlace> {
  const { file, at, data } = (await Array.fromAsync(rotatedLog(path))).at(-1) ?? { file: "", at: 0, data: "" };
  return { file, at: at + data.length };
}

test("it is gone on with where somebody stood, also when that was rotated; of what is not kept any more, with the oldest", async () => {
  writeFileSync(path, "one\ntwo\n");
  const start = await end();
  await appendFile(path, "three\n");
  assert.equal(await read({ start }), "three\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "four\n");
  assert.equal(await read({ start }), "three\nfour\n");
  const later = await end();
  for (const text of ["five\n", "six\n", "seven\n"]) {
    renameSync(path, `${path}.1`);
    writeFileSync(path, text); // may well get the number of the file that has just gone
  }
  assert.equal(await read({ start: later }), "six\nseven\n");
  truncateSync(path);
  assert.equal(await read({ start: await end() }), "");
  assert.equal(await read({ start: { ...later, at: 99 } }), "six\n");
});

test("a log that is not there reads as empty", async () => {
  assert.equal(await read(), "");
  assert.equal(await read({ tail: 5 }), "");
});

/** Follows into one string; `until` resolves when it has become what is wanted. */
function followed(options: { tail?: number } = {}) {
  const over = new AbortController();
  let text = "";
  let heard = Promise.withResolvers<void>();
  const end = (async () => {
    for await (const { data } of rotatedLog(path, { ...options, follow: over.signal })) {
      text += data.toString("latin1");
      heard.resolve();
      heard = Promise.withResolvers();
    }
    return text;
  })();
  const until = async (wanted: string) => {
    while (text.length < wanted.length) await heard.promise;
    assert.equal(text, wanted);
  };
  return { until, over, end };
}

test("it is followed from before it is there, through rotations and truncation, and nothing is lost or doubled", async () => {
  const log = followed();
  await log.until("");
  await appendFile(path, "one\n");
  await log.until("one\n");
  renameSync(path, `${path}.1`);
  await appendFile(`${path}.1`, "late\n");
  await log.until("one\nlate\n");
  await appendFile(path, "two\n");
  await log.until("one\nlate\ntwo\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "three\n");
  renameSync(path, `${path}.1`);
  writeFileSync(path, "four\n");
  await log.until("one\nlate\ntwo\nthree\nfour\n");
  truncateSync(path);
  await log.until("one\nlate\ntwo\nthree\nfour\n");
  await appendFile(path, "!\n");
  await log.until("one\nlate\ntwo\nthree\nfour\n!\n");
  await appendFile(path, "last");
  log.over.abort();
  assert.equal(await log.end, "one\nlate\ntwo\nthree\nfour\n!\nlast");
});

test("when its directory is removed, what was written is still given, and the end comes by the signal", async () => {
  writeFileSync(path, "old\nnew\n");
  const log = followed({ tail: 1 });
  await log.until("new\n");
  await appendFile(path, "last words\n");
  rmSync(directory, { recursive: true });
  await log.until("new\nlast words\n");
  log.over.abort();
  assert.equal(await log.end, "new\nlast words\n");
});

test("one who stops reading in the middle leaves no watcher behind", async () => {
  writeFileSync(path, "text");
  for await (const { data } of rotatedLog(path, { follow: new AbortController().signal })) {
    assert.equal(String(data), "text");
    break;
  }
  assert.deepEqual(
    process.getActiveResourcesInfo().filter((name) => name.includes("FSEvent")),
    [],
  );
});
