import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openLog } from "./logging.ts";

test("a line is one JSON object in a file for us alone, without the values of secrets", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "banger-log-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "bangerd.log");
  openLog(path, { echo: false })
    .child({ operation: "op1" })
    .warn("it happened", { environment: ["TOKEN=hunter2"] });
  const [line = "", rest] = (await readFile(path, "utf8")).split("\n");
  const { time, level, msg, operation, environment } = JSON.parse(line);
  assert.deepEqual([level, msg, operation, environment, rest], [40, "it happened", "op1", "[redacted]", ""]);
  assert.ok(!Number.isNaN(Date.parse(time)));
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("a log that has grown is kept once and begun anew", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "banger-log-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "bangerd.log");
  await writeFile(path, "old");
  await truncate(path, 9 << 20);
  openLog(path, { echo: false }).info("new");
  assert.equal((await stat(`${path}.1`)).size, 9 << 20);
  assert.match(await readFile(path, "utf8"), /"new"/);
});

test("a log that grows while the daemon runs is begun anew, one old one is kept, and no line is lost meanwhile", async (t) => {
  const directory = await mkdtemp(join(tmpdir(), "banger-log-"));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, "bangerd.log");
  const log = openLog(path, { echo: false, maxBytes: 4096 });
  for (let n = 0; n < 500; n += 1) {
    log.info("line", { n });
    assert.ok((await stat(path)).size <= 4096);
  }
  assert.deepEqual((await readdir(directory)).sort(), ["bangerd.log", "bangerd.log.1"]);
  const kept = (await readFile(`${path}.1`, "utf8")) + (await readFile(path, "utf8"));
  const numbers = kept.split("\n").flatMap((line) => (line === "" ? [] : [(JSON.parse(line) as { n: number }).n]));
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, n) => 500 - numbers.length + n),
  );
  assert.ok(numbers.length > 40);
  for (const name of ["bangerd.log", "bangerd.log.1"]) {
    assert.equal((await stat(join(directory, name))).mode & 0o777, 0o600);
  }
  assert.equal(openDescriptorsOf(path), 1);
});

function openDescriptorsOf(path: string): number {
  const links = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ""; // the one by which the list was read
    }
  });
  return links.filter((link) => link === path || link === `${path}.1`).length;
}

test("a disk that takes no log stops nobody", () => {
  const log = openLog("/dev/full", { echo: false });
  for (let lines = 0; lines < 3; lines += 1) log.error("lost", { lines });
});
