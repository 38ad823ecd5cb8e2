import assert from "node:assert/strict";
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { FakeClock } from "@banger/platform/time/clock-fake";
import { ContentStore } from "../content/content-store.ts";
import { FakeArchive } from "../debian/archive-fake.ts";
import { FakePgpKey } from "../debian/openpgp-fake.ts";
import { fakeVmlinux } from "./bzimage-fake.ts";
import { FAKE_RELEASE, publishKernel } from "./debian-fake.ts";
import { KernelManifest } from "./kernel-manifest.ts";
import { KernelService } from "./kernel-service.ts";

const exec = createNodeExec();
const signal = new AbortController().signal;
const owner = { token: "me-1", isAlive: () => false };

let dir = "";
let debian: FakeArchive;
let users: string[] = [];
let clock: FakeClock;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "kernel-"));
  await mkdir(join(dir, "debian"));
  debian = new FakeArchive(exec, join(dir, "debian"));
  await publishKernel(debian, "6.1.7-1");
  users = [];
  clock = new FakeClock();
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

function makeService(): KernelService {
  const store = new ContentStore({ root: join(dir, "kernels"), kind: "kernel", schema: KernelManifest, owner });
  return new KernelService({
    exec,
    clock,
    store,
    owner,
    aptHost: debian.host,
    proxyEnv: {},
    cacheDir: join(dir, "cache"),
    initramfsDir: join(dir, "initramfs"),
    usedBy: () => users,
  });
}

/** Everything that a pull may leave, but for the package that it keeps. */
async function leftovers(): Promise<string[]> {
  const found = await Promise.all(
    ["kernels", "cache", "initramfs"].map((name) => readdir(join(dir, name)).catch(() => [])),
  );
  return found.flat().filter((name) => name !== "packages");
}

test("pull: the package behind the metapackage becomes a bundle that is listed and verified", async () => {
  const service = makeService();
  const stages: string[] = [];
  const progress = ({ name }: { name: string }) => void (stages.at(-1) === name || stages.push(name));
  const kernel = await service.pull("debian", { signal, progress });
  assert.deepEqual(stages, ["read package lists", "download kernel", "extract", "modules"]);
  const { manifest } = kernel;
  assert.deepEqual(
    [manifest.package, manifest.version, manifest.kernelRelease, manifest.architecture],
    [`linux-image-${FAKE_RELEASE}`, "6.1.7-1", FAKE_RELEASE, "amd64"],
  );
  const vmlinux = await readFile(join(kernel.dir, "vmlinux"));
  assert.ok(vmlinux.subarray(0, 50_000).equals(fakeVmlinux(50_000)));
  const listed = await exec.run(["debugfs", "-R", `ls -p /${FAKE_RELEASE}`, join(kernel.dir, "modules.ext4")]);
  assert.match(listed.stdout.toString(), /\/0\/0\/modules\.dep\//);
  assert.deepEqual((await service.list()).entries, [kernel]);
  assert.deepEqual(await service.show("debian", { signal, verify: "checksums" }), kernel);
  assert.deepEqual(await leftovers(), [manifest.id]);
});

test("pull: the same again changes nothing and downloads nothing; a newer version wins the name", async () => {
  const service = makeService();
  const first = await service.pull("debian", { signal });
  const [again, joined] = await Promise.all([service.pull("debian", { signal }), service.pull("debian", { signal })]);
  assert.deepEqual(again, first);
  assert.deepEqual(joined, first);
  clock.advance(1000);
  await publishKernel(debian, "6.1.8-1");
  const newer = await service.pull("debian", { signal });
  assert.equal(newer.manifest.version, "6.1.8-1");
  assert.deepEqual(await service.ensure("debian", { signal }), newer);
  assert.equal((await service.list()).entries.length, 2);
  assert.equal((await readdir(join(dir, "cache/packages"))).length, 1);
});

for (const stage of ["read package lists", "download kernel", "extract", "modules"]) {
  test(`pull: cancelled at "${stage}" leaves nothing`, async () => {
    const controller = new AbortController();
    const progress = ({ name }: { name: string }) => {
      if (name === stage) controller.abort(new Error("Ctrl-C"));
    };
    await assert.rejects(makeService().pull("debian", { signal: controller.signal, progress }), { message: "Ctrl-C" });
    assert.deepEqual(await leftovers(), []);
  });
}

test("pull: lists that another key has signed are refused", async () => {
  await debian.writeHost({ keyring: new FakePgpKey().keyring() });
  await assert.rejects(makeService().pull("debian", { signal }), {
    code: "DOWNLOAD_FAILED",
    message: /NO_PUBKEY|not signed|signature/i,
  });
  assert.deepEqual(await leftovers(), []);
});

test("pull: a package that was changed after signing is refused", async () => {
  await debian.tamper();
  await assert.rejects(makeService().pull("debian", { signal }), { code: "DOWNLOAD_FAILED" });
  assert.deepEqual(await leftovers(), []);
});

test("pull: a host without Debian sources is told so", async () => {
  await rm(join(dir, "debian/etc/sources.list.d/debian.sources"));
  await assert.rejects(makeService().pull("debian", { signal }), {
    code: "PREREQUISITE_MISSING",
    message: /no Debian/,
  });
  await assert.rejects(makeService().pull("fedora", { signal }), { code: "KERNEL_NOT_FOUND" });
});

test("a damaged kernel is told on use, and mended by pulling again", async () => {
  const service = makeService();
  const kernel = await service.pull("debian", { signal });
  await chmod(join(kernel.dir, "vmlinuz"), 0o600); // what is published is read-only
  await truncate(join(kernel.dir, "vmlinuz"), 100);
  const corrupt = { code: "KERNEL_CORRUPT", message: /vmlinuz of kernel \w+ has 100 bytes instead of/ };
  await assert.rejects(service.show("debian", { signal }), corrupt);
  await assert.rejects(service.ensure("debian", { signal }), corrupt);
  await service.pull("debian", { signal });
  const content = await readFile(join(kernel.dir, "vmlinux"));
  await rm(join(kernel.dir, "vmlinux"));
  content[5000] = (content[5000] ?? 0) ^ 1;
  await writeFile(join(kernel.dir, "vmlinux"), content);
  await service.show("debian", { signal });
  await assert.rejects(service.show("debian", { signal, verify: "checksums" }), { code: "KERNEL_CORRUPT" });
  await service.pull("debian", { signal });
  await service.show("debian", { signal, verify: "checksums" });
});

test("remove: refused while machines use the kernel, then complete", async () => {
  const service = makeService();
  const kernel = await service.pull("debian", { signal });
  await writeFile(join(dir, "agent"), "agent");
  await service.ensureInitramfs(kernel, join(dir, "agent"));
  users = ["demo"];
  await assert.rejects(service.remove("debian"), { code: "IN_USE", message: /used by demo/ });
  users = [];
  assert.deepEqual(await service.remove("debian"), { id: kernel.manifest.id });
  assert.deepEqual(await leftovers(), []);
  await assert.rejects(service.remove("debian"), { code: "KERNEL_NOT_FOUND" });
});

test("remove: a corrupt kernel goes by its id", async () => {
  const service = makeService();
  const { manifest, dir: at } = await service.pull("debian", { signal });
  await rm(join(at, "manifest.json"));
  await service.remove(manifest.id);
  assert.deepEqual(await leftovers(), []);
});

test("initramfs: made once for an agent, anew for another, and few are kept", async () => {
  const service = makeService();
  const kernel = await service.pull("debian", { signal });
  const agent = join(dir, "agent");
  await writeFile(agent, "agent one");
  const one = await service.ensureInitramfs(kernel, agent);
  assert.deepEqual(await service.ensureInitramfs(kernel, agent), one);
  const content = await readFile(one.path);
  assert.equal(content.length, one.bytes);
  const modules = await readFile(join(kernel.dir, "initramfs-modules.cpio"));
  assert.ok(content.subarray(-modules.length).equals(modules));
  assert.ok(content.includes("agent one"));
  for (let build = 0; build < 6; build += 1) {
    await appendFile(agent, "!");
    assert.notEqual((await service.ensureInitramfs(kernel, agent)).path, one.path);
  }
  assert.equal((await readdir(join(dir, "initramfs"))).length, 4);
  await assert.rejects(service.ensureInitramfs(kernel, join(dir, "no-agent")), { code: "FILE_UNREADABLE" });
});

test("initramfs: one that was damaged is told, removed, and made anew", async () => {
  const service = makeService();
  const kernel = await service.pull("debian", { signal });
  const agent = join(dir, "agent");
  await writeFile(agent, "agent one");
  const { path } = await service.ensureInitramfs(kernel, agent);
  await service.verify("debian", agent, { signal });
  const content = await readFile(path);
  const damaged = Buffer.from(content);
  damaged[200] = 0x5a;
  await chmod(path, 0o600);
  await writeFile(path, damaged);
  await assert.rejects(service.verify("debian", agent, { signal }), { code: "KERNEL_CORRUPT", message: /removed/ });
  assert.ok((await readFile((await service.ensureInitramfs(kernel, agent)).path)).equals(content));
  await service.verify("debian", agent, { signal });
});

test("sweep: what a dead process left of a pull goes away", async () => {
  const service = makeService();
  for (const path of ["kernels/.staging.dead-1.00", "cache/.staging.dead-1.00/apt"])
    await mkdir(join(dir, path), { recursive: true });
  assert.equal((await service.sweep()).length, 2);
  assert.deepEqual(await leftovers(), []);
});
