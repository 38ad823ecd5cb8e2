import assert from "node:assert/strict";
import { mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { cloneFile } from "./clone.ts";
import { makeExt4 } from "./ext4.ts";
import { parseUsedExtents, usedExtents } from "./ext4-used.ts";
import { readSparseContent } from "./sparse-content.ts";
import { makeWorkDisk } from "./work-disk.ts";

const exec = createNodeExec();
const signal = new AbortController().signal;
const MIB = 1 << 20;

let dir = "";
let seedPath = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "work-disk-"));
  const home = await mkdtemp(join(dir, "home-"));
  await writeFile(join(home, ".bashrc"), "export A=1\n");
  seedPath = join(dir, "seed.ext4");
  await makeExt4(exec, seedPath, { sizeBytes: 64 * MIB, identity: "test", fromDir: home, signal });
});
after(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function scattered(name: string): Promise<string> {
  const path = join(dir, name);
  await using file = await open(path, "wx");
  for (const [at, text] of [
    [0, "first"],
    [5 * MIB + 3, "middle"],
    [12 * MIB, "end"],
  ] as const) {
    await file.write(text, at);
  }
  return path;
}

test("content is found and fingerprinted without its holes", async () => {
  const path = await scattered("a");
  const content = await readSparseContent(path, { signal });
  assert.deepEqual(content.extents, [
    [0, 65536],
    [5 * MIB, 65536],
    [12 * MIB, 3],
  ]);
  assert.equal(content.dataBytes, 65536 * 2 + 3);
  const filled = join(dir, "filled");
  await writeFile(filled, await readFile(path)); // the same bytes with no hole
  assert.deepEqual(await readSparseContent(filled, { signal }), content);
  const part = await readSparseContent(path, { within: [[5 * MIB + 100, 10]], signal });
  assert.deepEqual(part.extents, [[5 * MIB, 65536]]);
});

test("one changed byte changes the fingerprint, and so does its place", async () => {
  const path = await scattered("b");
  const before = (await readSparseContent(path, { signal })).sha256;
  const moved = join(dir, "moved");
  await writeFile(moved, "");
  await truncate(moved, MIB);
  {
    await using file = await open(moved, "r+");
    await file.write("first", 65536);
  }
  assert.notEqual((await readSparseContent(moved, { signal })).sha256, before);
});

test("a clone holds the same bytes and no more blocks", async () => {
  const path = await scattered("c");
  const { extents } = await readSparseContent(path, { signal });
  const target = join(dir, "c-clone");
  assert.equal(await cloneFile(path, target, { extents, signal, tryReflink: false }), "copy");
  assert.deepEqual(await readFile(target), await readFile(path));
  assert.ok((await stat(target)).blocks * 512 < MIB);
  assert.equal((await stat(target)).mode & 0o777, 0o600);
  const other = join(dir, "c-any");
  assert.match(await cloneFile(path, other, { extents, signal }), /^(?:copy|reflink)$/);
  assert.deepEqual(await readFile(other), await readFile(path));
});

test("a clone never replaces a file, and a cancelled one leaves none", async () => {
  const path = await scattered("d");
  const { extents } = await readSparseContent(path, { signal });
  const target = join(dir, "d-clone");
  await writeFile(target, "kept");
  await assert.rejects(cloneFile(path, target, { extents, signal, tryReflink: false }), { code: "EEXIST" });
  assert.equal(await readFile(target, "utf8"), "kept");
  const cancelled = AbortSignal.abort(new Error("changed my mind"));
  const never = join(dir, "never");
  await assert.rejects(cloneFile(path, never, { extents, signal: cancelled, tryReflink: false }), {
    message: "changed my mind",
  });
  assert.ok(!(await readdir(dir)).includes("never"));
});

test("the blocks that a file system uses hold all of its content", async () => {
  const used = await usedExtents(exec, seedPath, { signal });
  const within = await readSparseContent(seedPath, { within: used, signal });
  assert.equal(within.sha256, (await readSparseContent(seedPath, { signal })).sha256);
  assert.throws(() => parseUsedExtents("nonsense", "x"), { code: "BUILD_FAILED" });
});

test("a work disk is a clone of the seed, longer, sound, and takes less than 5 MB", async () => {
  const { extents } = await readSparseContent(seedPath, { signal });
  const seed = { path: seedPath, bytes: 64 * MIB, extents };
  const path = join(dir, "work.ext4");
  await makeWorkDisk(exec, path, { sizeBytes: 8192 * MIB, seed, identity: "m", signal });
  assert.equal((await stat(path)).size, 8192 * MIB);
  assert.ok((await stat(path)).blocks * 512 < 5 * MIB);
  await exec.run(["e2fsck", "-fn", path]);
  const { stdout } = await exec.run(["debugfs", "-R", "cat /.bashrc", path]);
  assert.equal(stdout.toString(), "export A=1\n");
  await assert.rejects(makeWorkDisk(exec, join(dir, "small"), { sizeBytes: 32 * MIB, seed, identity: "m", signal }), {
    code: "SIZE_INVALID",
    message: "a work disk of 32 MiB is smaller than the image's home, 64 MiB",
  });
});

test("an image without a seed gets a fresh file system that takes less than 5 MB", async () => {
  const path = join(dir, "fresh.ext4");
  assert.equal(await makeWorkDisk(exec, path, { sizeBytes: 8192 * MIB, seed: null, identity: "m", signal }), "fresh");
  assert.ok((await stat(path)).blocks * 512 < 5 * MIB);
  await exec.run(["e2fsck", "-fn", path]);
});
