/**
 * The real kernel of Debian, pulled once into a cache that test runs share, booted under QEMU with a static program of a
 * few lines in the agent's place: it loads what /modules/load names, mounts the modules disk, and says what it sees.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { AppError } from "@banger/contract/errors";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { identify, isAlive } from "@banger/platform/process/liveness";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { systemClock } from "@banger/platform/time/clock";
import { ContentStore } from "../content/content-store.ts";
import { createStagingOwner } from "../content/owner.ts";
import { DEBIAN_HOST } from "../debian/host-sources.ts";
import { proxyEnvOf } from "../debian/proxy-env.ts";
import { KernelManifest } from "./kernel-manifest.ts";
import { KernelService } from "./kernel-service.ts";

const PULL_DEADLINE_MS = 10 * 60_000;
const BOOT_DEADLINE_MS = 2 * 60_000;
const CACHE =
  process.env.BANGER_TEST_CACHE ?? fileURLToPath(new URL("../../../../../build/test-cache", import.meta.url));

const INIT = `
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
static void see(const char *path) { printf("%s %s\\n", access(path, F_OK) ? "MISSING" : "SEEN", path); }
int main(void) {
  char line[256], path[300];
  FILE *load = fopen("/modules/load", "r");
  mount("dev", "/dev", "devtmpfs", 0, 0);
  while (load && fgets(line, sizeof line, load)) {
    line[strcspn(line, "\\n")] = 0;
    snprintf(path, sizeof path, "/modules/%s", line);
    int fd = open(path, O_RDONLY);
    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0)) printf("FAILED %s\\n", line);
  }
  mkdir("/disk", 0755);
  struct utsname name;
  uname(&name);
  printf("RELEASE %s\\n", name.release);
  if (mount("/dev/vda", "/disk", "ext4", MS_RDONLY, 0)) puts("FAILED mount");
  snprintf(path, sizeof path, "/disk/%s/modules.dep", name.release);
  see(path);
  see("/dev/vport1p1");
  see("/dev/hwrng");
  see("/dev/vsock");
  puts("DONE");
  fflush(stdout);
  return reboot(RB_POWER_OFF);
}
`;

const exec = createNodeExec();
let dir = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "kernel-vm-"));
});
after(async () => {
  await rm(dir, { recursive: true, force: true });
});

function makeService(): KernelService {
  const owner = createStagingOwner({ identify, isAlive }, process.pid);
  const store = new ContentStore({ root: join(CACHE, "kernels"), kind: "kernel", schema: KernelManifest, owner });
  return new KernelService({
    exec,
    store,
    owner,
    clock: systemClock,
    aptHost: DEBIAN_HOST,
    proxyEnv: proxyEnvOf(process.env),
    cacheDir: join(CACHE, "kernel-cache"),
    initramfsDir: join(dir, "initramfs"),
    usedBy: () => [],
  });
}

async function lacks(t: TestContext): Promise<boolean> {
  for (const argv of [
    ["qemu-system-x86_64", "--version"],
    ["musl-gcc", "--version"],
  ]) {
    try {
      await exec.run(argv);
    } catch (error) {
      if (!AppError.is(error, "PREREQUISITE_MISSING")) throw error;
      cannotBeTested(t, error.message);
      return true;
    }
  }
  return false;
}

/** The console, in which the kernel's own lines are few. Instructions are counted, so that no load disturbs its clocks. */
async function boot(files: { kernel: string; initramfs: string; disk: string }): Promise<string> {
  const { stdout } = await exec.run(
    [
      ...["qemu-system-x86_64", "-M", "microvm,x-option-roms=off", "-accel", "tcg", "-icount", "shift=0,sleep=off"],
      ...["-cpu", "max", "-smp", "1", "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"],
      ...["-kernel", files.kernel, "-initrd", files.initramfs, "-serial", "stdio"],
      ...["-append", "console=ttyS0 quiet reboot=t panic=-1"],
      ...[
        "-drive",
        `id=disk,file=${files.disk},format=raw,if=none,readonly=on`,
        "-device",
        "virtio-blk-device,drive=disk",
      ],
      ...["-device", "virtio-serial-device", "-chardev", "null,id=agent", "-device", "virtserialport,chardev=agent"],
      ...["-device", "virtio-rng-device"],
    ],
    { deadlineMs: BOOT_DEADLINE_MS },
  );
  return stdout.toString().replaceAll("\r", "");
}

test("Debian's kernel boots into what stands in for the agent, by vmlinuz and by vmlinux", async (t) => {
  if (await lacks(t)) return;
  const service = makeService();
  const kernel = await service.ensure("debian", { signal: AbortSignal.timeout(PULL_DEADLINE_MS) });
  const { kernelRelease } = kernel.manifest;
  assert.ok((await readFile(join(kernel.dir, "vmlinux"))).includes(`Linux version ${kernelRelease} `));
  await writeFile(join(dir, "init.c"), INIT);
  await exec.run(["musl-gcc", "-static", "-O1", "-o", join(dir, "init"), join(dir, "init.c")]);
  const initramfs = await service.ensureInitramfs(kernel, join(dir, "init"));
  for (const name of ["vmlinuz", "vmlinux"]) {
    const disk = join(kernel.dir, "modules.ext4");
    const console = await boot({ kernel: join(kernel.dir, name), initramfs: initramfs.path, disk });
    for (const line of [
      `RELEASE ${kernelRelease}`,
      `SEEN /disk/${kernelRelease}/modules.dep`,
      "SEEN /dev/vport1p1",
      "SEEN /dev/hwrng",
      "SEEN /dev/vsock",
      "DONE",
    ]) {
      assert.ok(console.split("\n").includes(line), `${name}: no line "${line}" in:\n${console}`);
    }
    assert.doesNotMatch(console, /FAILED|MISSING/);
  }
});
