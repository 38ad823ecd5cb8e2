import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
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

test("a disk that takes no log stops nobody", () => {
  const log = openLog("/dev/full", { echo: false });
  for (let lines = 0; lines < 3; lines += 1) log.error("lost", { lines });
});
