import assert from "node:assert/strict";
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { explainLength, setLength } from "./set-length.ts";

test("a file gets its length, and what the file system has no room to count is the size's fault", async () => {
  const dir = await mkdtemp(join(tmpdir(), "set-length-"));
  try {
    const path = join(dir, "disk");
    await writeFile(path, "x");
    await setLength(path, 2 ** 32);
    assert.equal((await stat(path)).size, 2 ** 32);
    await assert.rejects(setLength(join(dir, "none"), 1), { code: "ENOENT" });
  } finally {
    await rm(dir, { recursive: true });
  }
  const error = explainLength(Object.assign(new Error("EFBIG: file too large"), { code: "EFBIG" }), 2 ** 44);
  assert.ok(AppError.is(error, "SIZE_INVALID"));
  assert.equal(error.message, "the host's file system has no files of 16 TiB");
});
