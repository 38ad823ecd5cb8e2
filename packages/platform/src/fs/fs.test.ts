import assert from "node:assert/strict";
import { chmod, lchown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { atomicWrite } from "./atomic-write.ts";
import { freeBytes, requireFreeSpace } from "./free-space.ts";
import { baseDirs } from "./paths.ts";
import { ensurePrivateDir } from "./private-dir.ts";
import { removeTree } from "./remove-tree.ts";
import { MAX_SOCKET_PATH_BYTES, socketPath } from "./socket-path.ts";

async function scratch(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "fs-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function code(expected: string) {
  return (error: unknown) => AppError.is(error) && error.code === expected;
}

test("atomic write: replaces content and mode, and leaves nothing beside it", async (t) => {
  const dir = await scratch(t);
  const path = join(dir, "file");
  await atomicWrite(path, "one");
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await atomicWrite(path, Buffer.from("two"), { mode: 0o644 });
  assert.deepEqual([await readFile(path, "utf8"), (await stat(path)).mode & 0o777], ["two", 0o644]);
  assert.deepEqual(await readdir(dir), ["file"]);
});

test("atomic write: a write that fails leaves the old file and no other", async (t) => {
  const dir = await scratch(t);
  await mkdir(join(dir, "taken"));
  await writeFile(join(dir, "taken", "x"), "");
  await assert.rejects(atomicWrite(join(dir, "taken"), "no"));
  await assert.rejects(atomicWrite(join(dir, "none", "x"), "no"));
  assert.deepEqual(await readdir(dir), ["taken"]);
});

test("private directory: made with 0700, parents too, and accepted again", async (t) => {
  const path = join(await scratch(t), "a", "b");
  await ensurePrivateDir(path);
  await ensurePrivateDir(path);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
});

test("private directory: links, files, open modes and other owners are refused and not mended", async (t) => {
  const dir = await scratch(t);
  const own = join(dir, "own");
  await ensurePrivateDir(own);
  await symlink(own, join(dir, "link"));
  await writeFile(join(dir, "file"), "");
  await mkdir(join(dir, "open"));
  await chmod(join(dir, "open"), 0o750);
  for (const name of ["link", "file", "open"]) {
    await assert.rejects(ensurePrivateDir(join(dir, name)), code("STATE_UNSAFE"), name);
  }
  await assert.rejects(ensurePrivateDir(own, { uid: 12345 }), code("STATE_UNSAFE"));
  assert.equal((await stat(join(dir, "open"))).mode & 0o777, 0o750);
  if (process.getuid?.() === 0) {
    await lchown(own, 65534, 65534);
    await assert.rejects(ensurePrivateDir(own), code("STATE_UNSAFE"));
  }
});

test("a place where no directory can be made is refused, not tried for ever", { timeout: 10_000 }, async () => {
  await assert.rejects(ensurePrivateDir("/proc/nonexistent/.local/share/banger"), code("STATE_UNSAFE"));
});

test("remove tree: takes what lies beneath its root, and only the link where there is one", async (t) => {
  const dir = await scratch(t);
  const root = join(dir, "root");
  await mkdir(join(root, "tree", "deep"), { recursive: true });
  await mkdir(join(dir, "outside"));
  await writeFile(join(dir, "outside", "kept"), "");
  await symlink(join(dir, "outside"), join(root, "link"));
  await symlink(join(dir, "outside"), join(root, "tree", "link"));
  await removeTree(join(root, "tree"), { under: root });
  await removeTree(join(root, "link"), { under: root });
  await removeTree(join(root, "never", "there"), { under: root });
  assert.deepEqual([await readdir(root), await readdir(join(dir, "outside"))], [[], ["kept"]]);
});

test("remove tree: refuses its root, what is outside, and detours", async (t) => {
  const dir = await scratch(t);
  const root = join(dir, "root");
  await mkdir(join(root, "sub"), { recursive: true });
  await mkdir(join(dir, "outside", "tree"), { recursive: true });
  await symlink(join(dir, "outside"), join(root, "way"));
  for (const path of [
    root,
    dir,
    join(dir, "outside"),
    `${root}/sub/../../outside`,
    `${root}/way/tree`,
    `${root}/.`,
    `${root}/sub/`,
  ]) {
    await assert.rejects(removeTree(path, { under: root }), code("INTERNAL"), path);
  }
  await assert.rejects(removeTree("/tmp", { under: "/" }), code("INTERNAL"));
  assert.deepEqual([await readdir(join(dir, "outside")), (await readdir(root)).sort()], [["tree"], ["sub", "way"]]);
});

test("free space: too little is DISK_FULL with the numbers", async () => {
  const dir = tmpdir();
  await requireFreeSpace(dir, { neededBytes: 1, what: "a byte" });
  assert.ok((await freeBytes(dir)) > 0);
  await assert.rejects(requireFreeSpace(dir, { neededBytes: 2 ** 60, what: "an image" }), (error) => {
    assert.ok(AppError.is(error, "DISK_FULL"));
    assert.equal(error.facts.neededBytes, 2 ** 60);
    assert.match(error.message, /an image needs \d+ MiB/);
    return true;
  });
});

test("socket path: counted in bytes", () => {
  const longest = "é".repeat(MAX_SOCKET_PATH_BYTES / 2);
  assert.equal(socketPath(longest), longest);
  assert.throws(() => socketPath(`${longest}x`), code("PATH_TOO_LONG"));
});

test("base directories: what is set and absolute wins, the rest lies in the home", () => {
  const options = { name: "banger", uid: 1000 };
  assert.deepEqual(baseDirs({ HOME: "/home/u", XDG_DATA_HOME: "relative" }, options), {
    config: "/home/u/.config/banger",
    data: "/home/u/.local/share/banger",
    cache: "/home/u/.cache/banger",
    runtime: "/tmp/banger-1000",
  });
  const env = { HOME: "/home/u", XDG_DATA_HOME: "/d", XDG_RUNTIME_DIR: "/run/user/1000" };
  assert.deepEqual(
    [baseDirs(env, options).data, baseDirs(env, options).runtime],
    ["/d/banger", "/run/user/1000/banger"],
  );
  assert.throws(() => baseDirs({}, options), code("CONFIG_INVALID"));
});
