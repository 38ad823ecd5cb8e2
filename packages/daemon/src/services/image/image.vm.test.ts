/**
 * Real images: `minimal` from Debian's own packages, and trees whose owners, modes and capabilities must survive. The
 * downloaded packages are kept in a cache that test runs share.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AppError } from "@banger/contract/errors";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { createFakeLogger } from "@banger/platform/log-fake";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { systemClock } from "@banger/platform/time/clock";
import { ContentStore } from "../content/content-store.ts";
import { DEBIAN_HOST } from "../debian/host-sources.ts";
import { proxyEnvOf } from "../debian/proxy-env.ts";
import { makeExt4 } from "../storage/ext4.ts";
import { requireBuildTools } from "./build-tools.ts";
import { ImageService, imageRootFile, imageWorkSeed } from "./image-service.ts";
import { ImageManifest } from "./manifest.ts";
import { namespacePrefix } from "./namespace.ts";

const BUILD_DEADLINE_MS = 10 * 60_000;
const CACHE =
  process.env.BANGER_TEST_CACHE ?? fileURLToPath(new URL("../../../../../build/test-cache", import.meta.url));
const recipesDir = fileURLToPath(new URL("../../../../../images", import.meta.url));
const { uid, username } = userInfo();
const builder = { uid, userName: username };
const owner = { token: `test-${process.pid}`, isAlive: () => true };
const exec = createNodeExec();

let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "image-vm-"));
});
after(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function canBuild(t: TestContext, signal: AbortSignal): Promise<boolean> {
  try {
    await requireBuildTools(exec, builder, { signal });
    return true;
  } catch (error) {
    if (!AppError.is(error, "PREREQUISITE_MISSING")) throw error;
    cannotBeTested(t, error.message);
    return false;
  }
}

function makeService(): ImageService {
  const store = new ContentStore({ root: join(dir, "images"), kind: "image", schema: ImageManifest, owner });
  return new ImageService({
    ...{ exec, store, owner, builder, recipesDir },
    clock: systemClock,
    log: createFakeLogger().logger,
    cacheDir: join(CACHE, "image-packages"),
    aptHost: DEBIAN_HOST,
    proxyEnv: proxyEnvOf(process.env),
    usedBy: () => [],
  });
}

async function inspect(file: string, request: string): Promise<string> {
  return (await exec.run(["debugfs", "-R", request, file])).stdout.toString();
}

test("owners, modes, set-uid and capabilities survive, whoever builds", async (t) => {
  const signal = AbortSignal.any([t.signal, AbortSignal.timeout(BUILD_DEADLINE_MS)]);
  if (!(await canBuild(t, signal))) return;
  const prefix = namespacePrefix(builder);
  const tree = join(dir, "tree");
  await mkdir(tree);
  const script = `cd "$1"; echo x > plain; chown 33:44 plain; chmod 640 plain
echo x > suid; chmod 4755 suid; echo x > ping; setcap cap_net_raw=ep ping; mkdir sticky; chmod 1777 sticky`;
  try {
    await exec.run([...prefix, "sh", "-euc", script, "make", tree], { signal });
    const file = join(dir, "tree.ext4");
    await makeExt4(exec, file, { sizeBytes: 64 << 20, identity: "t", fromDir: tree, prefix, signal });
    assert.match(await inspect(file, "stat /plain"), /Mode: {2}0640[\s\S]*User: +33 +Group: +44 /);
    assert.match(await inspect(file, "stat /suid"), /Mode: {2}04755[\s\S]*User: +0 +Group: +0 /);
    assert.match(await inspect(file, "stat /sticky"), /Mode: {2}01777/);
    // Version 2: valid on any machine, not only under the builder's own user id.
    assert.match(await inspect(file, "ea_get -x /ping security.capability"), /01 00 00 02 00 20 00 00/);
    await exec.run(["e2fsck", "-fn", file]);
  } finally {
    await exec.run([...prefix, "find", tree, "-mindepth", "1", "-delete"]);
  }
});

test("a build that is cancelled leaves no process, mount or file", async (t) => {
  const signal = AbortSignal.any([t.signal, AbortSignal.timeout(BUILD_DEADLINE_MS)]);
  if (!(await canBuild(t, signal))) return;
  const mounts = await readFile("/proc/self/mounts", "utf8");
  for (const stage of ["install", "make file system"]) {
    const controller = new AbortController();
    const build = makeService().build("minimal", {
      signal: AbortSignal.any([signal, controller.signal]),
      progress: ({ name }) => void (name === stage && controller.abort(new Error(`stopped at ${stage}`))),
    });
    await assert.rejects(build, { message: `stopped at ${stage}` });
    assert.deepEqual(await readdir(join(dir, "images")), []);
    assert.deepEqual(await readdir(join(CACHE, "image-packages/builds")), []);
    assert.equal(await readFile("/proc/self/mounts", "utf8"), mounts);
  }
});

test("minimal is built, sound, small, and its home is its work seed", async (t) => {
  const signal = AbortSignal.any([t.signal, AbortSignal.timeout(BUILD_DEADLINE_MS)]);
  if (!(await canBuild(t, signal))) return;
  const service = makeService();
  const image = await service.build("minimal", { signal });
  const root = imageRootFile(image);
  await exec.run(["e2fsck", "-fn", root]);
  assert.match(await inspect(root, "stat /usr/bin/mount"), /Mode: {2}04755[\s\S]*User: +0 /);
  assert.match(await inspect(root, "cat /usr/lib/os-release"), /VERSION_CODENAME=bookworm/);
  assert.match(await inspect(root, "cat /etc/passwd"), /^root:x:0:0:/m);
  assert.equal((await inspect(root, "ls -p /dev")).trim().split("\n").length, 2);
  for (const program of ["cat", "sh", "bash", "sleep", "tar", "grep", "ps", "ip", "mount", "awk"]) {
    assert.match(await inspect(root, `stat /usr/bin/${program}`), /Inode:/, program);
  }
  assert.match(await inspect(imageWorkSeed(image)?.path ?? "", "ls -p /"), /\/\.bashrc\//);
  assert.ok((await service.bytesOnDisk(image.manifest.id)) < 100e6);
  assert.equal((await service.build("minimal", { signal })).manifest.id, image.manifest.id);
});
