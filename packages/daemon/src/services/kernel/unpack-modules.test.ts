import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { unpackModules } from "./unpack-modules.ts";

const signal = new AbortController().signal;

test("modules of every compression become plain, other files stay, damage is named", async () => {
  const dir = await mkdtemp(join(tmpdir(), "modules-"));
  try {
    const module = Buffer.alloc(3000, "module ");
    const { stdout } = await createNodeExec().run(["xz", "--check=crc32", "-c"], { input: module });
    await mkdir(join(dir, "kernel/fs"), { recursive: true });
    await writeFile(join(dir, "kernel/a.ko.xz"), stdout);
    await writeFile(join(dir, "kernel/fs/b.ko.gz"), gzipSync(module));
    await writeFile(join(dir, "kernel/fs/c.ko.zst"), zstdCompressSync(module));
    await writeFile(join(dir, "modules.order"), "kernel/a.ko\n");
    await unpackModules(dir, { signal });
    const names = (await readdir(dir, { recursive: true })).filter((name) => name.endsWith("o")).sort();
    assert.deepEqual(names, ["kernel/a.ko", "kernel/fs/b.ko", "kernel/fs/c.ko"]);
    for (const name of names) assert.ok((await readFile(join(dir, name))).equals(module));
    await writeFile(join(dir, "kernel/d.ko.xz"), stdout.subarray(0, 50));
    await assert.rejects(unpackModules(dir, { signal }), { code: "BUILD_FAILED", message: /kernel\/d\.ko\.xz/ });
  } finally {
    await rm(dir, { recursive: true });
  }
});
