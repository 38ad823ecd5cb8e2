/**
 * The proof with everything real but the accelerator: a machine without disks, whose agent must answer from the initramfs.
 * The kernel is the one that the kernel's own tests pull into their cache.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { VmId } from "@banger/contract/ids";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { newId } from "@banger/platform/new-id";
import { identify, isAlive } from "@banger/platform/process/liveness";
import { createProcesses } from "@banger/platform/process/processes";
import { cannotBeTested } from "@banger/platform/testing/cannot-be-tested";
import { nativeOrSkip } from "@banger/platform/testing/native-or-skip";
import { systemClock } from "@banger/platform/time/clock";
import type { VmmDriver } from "@banger/vmm/driver";
import { QemuDriver } from "@banger/vmm/qemu/driver";
import { measureTsc } from "../../tsc.ts";
import { ContentStore } from "../content/content-store.ts";
import { createStagingOwner } from "../content/owner.ts";
import { DEBIAN_HOST } from "../debian/host-sources.ts";
import { GuestChannel } from "../guest/channel/guest-channel.ts";
import { KERNEL_FILES, KernelManifest } from "../kernel/kernel-manifest.ts";
import { KernelService } from "../kernel/kernel-service.ts";
import { proveKvm } from "./prove-kvm.ts";

const checkout = fileURLToPath(new URL("../../../../../", import.meta.url));
const CACHE = process.env.BANGER_TEST_CACHE ?? join(checkout, "build/test-cache");
const PULL_MS = 10 * 60_000;
const BOOT_MS = 120_000;

/** Emulation in place of KVM: what is proven here is that the proof itself can succeed. */
function emulated(driver: VmmDriver): VmmDriver {
  return {
    name: driver.name,
    capabilities: driver.capabilities,
    probe: (waiting) => driver.probe(waiting),
    start: (spec, waiting) => driver.start({ ...spec, accelerator: "tcg" }, waiting),
    adopt: (machine) => driver.adopt(machine),
    endUnrecorded: (nonce, waiting) => driver.endUnrecorded(nonce, waiting),
    sweep: (directory) => driver.sweep(directory),
  };
}

async function lacksQemu(t: TestContext, driver: VmmDriver): Promise<boolean> {
  const { version, detail } = await driver.probe({ signal: AbortSignal.timeout(30_000) });
  if (version !== null) return false;
  cannotBeTested(t, detail);
  return true;
}

test("a machine without disks answers from its initramfs, and nothing of the proof is left", async (t) => {
  const native = nativeOrSkip(t);
  if (!native) return;
  const exec = createNodeExec();
  const processes = createProcesses(native);
  const launcher = join(checkout, "build/native/banger-launcher");
  const tscKhz = measureTsc(exec, launcher);
  const driver = new QemuDriver({ exec, processes, launcher, binary: "qemu-system-x86_64", tscKhz });
  if (await lacksQemu(t, driver)) return;
  const directory = await mkdtemp(join(tmpdir(), "proof-vm-"));
  const proofs = await mkdtemp(join(directory, "p-"));
  try {
    const bootFiles = await filesToBoot(directory);
    const nonce = `bng-test-${newId()}`;
    await proveKvm(
      {
        ...{ directory: proofs, proofMs: BOOT_MS, driver: emulated(driver) },
        newId: () => VmId.parse(newId()),
        newNonce: () => nonce,
        bootFiles: () => Promise.resolve(bootFiles),
        openGuest: (vmm) =>
          GuestChannel.open({
            connect: (waiting) => vmm.connectAgent(waiting),
            session: randomBytes(16),
            build: "test",
            alive: () => processes.isAlive(vmm.handles.launcher),
          }),
      },
      { signal: AbortSignal.timeout(BOOT_MS) },
    );
    assert.deepEqual(processes.findByNonce(nonce), []);
    assert.deepEqual(await readdir(proofs), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});

async function filesToBoot(directory: string): Promise<{ kernel: string; initramfs: string }> {
  const owner = createStagingOwner({ identify, isAlive }, process.pid);
  const kernels = new KernelService({
    ...{
      exec: createNodeExec(),
      owner,
      clock: systemClock,
      aptHost: DEBIAN_HOST,
      proxyEnv: proxyEnv(),
      usedBy: () => [],
    },
    store: new ContentStore({ root: join(CACHE, "kernels"), kind: "kernel", schema: KernelManifest, owner }),
    ...{ cacheDir: join(CACHE, "kernel-cache"), initramfsDir: join(directory, "initramfs") },
  });
  const kernel = await kernels.ensure("debian", { signal: AbortSignal.timeout(PULL_MS) });
  const initramfs = await kernels.ensureInitramfs(kernel, join(checkout, "build/guest/banger-agent"));
  return { kernel: join(kernel.dir, KERNEL_FILES.vmlinuz), initramfs: initramfs.path };
}

/** For the download, if no test has made it yet. */
function proxyEnv(): Record<string, string> {
  const names = ["http_proxy", "https_proxy", "no_proxy"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
