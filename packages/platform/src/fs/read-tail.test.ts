import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readLastLine, readTail } from "./read-tail.ts";

test("the last bytes of a file are read, all of a shorter one, and none of what is not there", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-tail-"));
  try {
    const path = join(directory, "log");
    await writeFile(path, "first\nlast\n");
    const read = async (from: string, maxBytes: number) => (await readTail(from, { maxBytes })).toString();
    assert.equal(await read(path, 5), "last\n");
    assert.equal(await read(path, 100), "first\nlast\n");
    assert.equal(await readLastLine(path), "last");
    for (const none of [join(directory, "nothing"), directory]) {
      assert.equal(await read(none, 100), "");
      assert.equal(await readLastLine(none), "");
    }
  } finally {
    await rm(directory, { recursive: true });
  }
});
