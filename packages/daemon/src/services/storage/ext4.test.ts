import assert from "node:assert/strict";
import { chown, mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { makeExt4 } from "./ext4.ts";
import { giveToRoot } from "./ext4-owners.ts";
import { ext4SizeFor, measureTree } from "./ext4-size.ts";

const exec = createNodeExec();
const signal = new AbortController().signal;
const GIB = 2 ** 30;

let dir = "";
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ext4-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function checked(file: string): Promise<void> {
  await exec.run(["e2fsck", "-fn", file]);
}
async function header(file: string): Promise<string> {
  return (await exec.run(["dumpe2fs", "-h", file])).stdout.toString();
}
async function debugfs(file: string, request: string): Promise<string> {
  return (await exec.run(["debugfs", "-R", request, file])).stdout.toString();
}

test("an empty file system of 8 GiB takes less than 1 MiB on the host", async () => {
  const file = join(dir, "work.ext4");
  await makeExt4(exec, file, { sizeBytes: 8 * GIB, identity: "work", label: "work", signal });
  const { size, blocks } = await stat(file);
  assert.equal(size, 8 * GIB);
  assert.ok(blocks * 512 < 1 << 20, `${blocks * 512} bytes`);
  await checked(file);
  assert.match(await header(file), /volume name: +work\n/);
});

test("a small one has the inodes and the room to be grown far", async () => {
  const file = join(dir, "seed.ext4");
  await makeExt4(exec, file, { sizeBytes: 128 << 20, identity: "seed", signal });
  assert.match(await header(file), /Inodes per group: +8192\n/);
  assert.match(await header(file), /Reserved GDT blocks: +127\n/);
  await exec.run(["truncate", "-s", "40G", file]);
  await exec.run(["resize2fs", file]);
  assert.match(await header(file), /Block count: +10485760\n/);
  await checked(file);
});

test("content of a directory arrives whole, in a size that was computed for it", async () => {
  const from = join(dir, "tree");
  await mkdir(join(from, "a/b"), { recursive: true });
  await writeFile(join(from, "a/b/big"), Buffer.alloc(9 << 20, 7));
  for (let i = 0; i < 300; i += 1) await writeFile(join(from, `small-${i}`), "x", { mode: 0o640 });
  await symlink("a/b/big", join(from, "link"));
  const file = join(dir, "tree.ext4");
  const content = await measureTree(from, { signal });
  assert.equal(content.inodes, 305); // itself, two directories, 301 files, one link: the root counts too
  const sizeBytes = ext4SizeFor(content, { journalMib: "none" });
  await makeExt4(exec, file, { sizeBytes, identity: "tree", journalMib: "none", fromDir: from, signal });
  await checked(file);
  assert.match(await debugfs(file, "stat a/b/big"), /Size: 9437184\n/);
  assert.match(await debugfs(file, "stat small-7"), /Mode: +0640/);
  assert.match(await debugfs(file, "stat link"), /Fast link dest: "a\/b\/big"/);
});

test("files that an ordinary user unpacked can be given to root", async () => {
  const from = join(dir, "tree");
  await mkdir(join(from, "with space"), { recursive: true });
  await writeFile(join(from, "with space/file"), "x");
  const uid = 4321; // as root, since only root can make a file of somebody else's; else our own is as good
  if (process.getuid?.() === 0) await chown(join(from, "with space/file"), uid, uid);
  const file = join(dir, "tree.ext4");
  await makeExt4(exec, file, { sizeBytes: 8 << 20, identity: "x", journalMib: "none", fromDir: from, signal });
  await giveToRoot(exec, file, { dir: from, signal });
  assert.match(await debugfs(file, 'stat "with space/file"'), /User: +0 +Group: +0 /);
  assert.match(await debugfs(file, 'stat "with space"'), /User: +0 +Group: +0 /);
  await checked(file);
});

test("the same identity gives the same UUID and hash seed", async () => {
  const uuids = [];
  for (const [name, identity] of [
    ["one", "x"],
    ["two", "x"],
    ["three", "y"],
  ] as const) {
    await makeExt4(exec, join(dir, name), { sizeBytes: 128 << 20, identity, signal });
    const text = await header(join(dir, name));
    uuids.push([/UUID: +(\S+)/.exec(text)?.[1], /Hash Seed: +(\S+)/.exec(text)?.[1]]);
  }
  assert.deepEqual(uuids[0], uuids[1]);
  assert.notDeepEqual(uuids[0], uuids[2]);
});

test("sizes for many gigabytes and many files are not cut to 32 bits", () => {
  assert.ok(ext4SizeFor({ bytes: 10 * GIB, inodes: 100 }, { journalMib: 64 }) > 10 * GIB);
  assert.ok(ext4SizeFor({ bytes: 0, inodes: 1_000_000 }, { journalMib: "none" }) > 122 * (128 << 20));
});

test("content that does not fit is named, and no file is left", async () => {
  const from = join(dir, "tree");
  await mkdir(from);
  await writeFile(join(from, "big"), Buffer.alloc(9 << 20, 7));
  const file = join(dir, "small.ext4");
  const options = { sizeBytes: 8 << 20, identity: "x", journalMib: "none", fromDir: from, signal } as const;
  await assert.rejects(makeExt4(exec, file, options), { code: "SIZE_INVALID" });
  await assert.rejects(stat(file), { code: "ENOENT" });
});

const FAILURES = [
  [`__populate_fs: No space left on device while writing file "big"`, "DISK_FULL"],
  [`__populate_fs: Could not allocate inode in ext2 filesystem while writing file "17361"`, "SIZE_INVALID"],
  ["mke2fs: invalid blocks '0'", "BUILD_FAILED"],
] as const;
for (const [stderr, code] of FAILURES) {
  test(`mke2fs that says "${stderr}" is ${code}, and no file is left`, async () => {
    const fake = new FakeExec().program("mke2fs", () => ({ exitCode: 1, stderr }));
    const file = join(dir, "e");
    await assert.rejects(makeExt4(fake, file, { sizeBytes: 1 << 20, identity: "x", signal }), { code });
    await assert.rejects(stat(file), { code: "ENOENT" });
  });
}

test("a host without e2fsprogs is told what to install", async () => {
  await assert.rejects(makeExt4(new FakeExec(), join(dir, "e"), { sizeBytes: 1 << 20, identity: "x", signal }), {
    code: "PREREQUISITE_MISSING",
    hint: "Install it with `apt-get install e2fsprogs`.",
  });
});

test("a cancelled make leaves no file", async () => {
  const file = join(dir, "e");
  await assert.rejects(makeExt4(exec, file, { sizeBytes: 1 << 20, identity: "x", signal: AbortSignal.abort() }));
  await assert.rejects(stat(file), { code: "ENOENT" });
});
