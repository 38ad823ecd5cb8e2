/** Kernels: pulled, listed, shown, removed, and made ready to boot with the agent of this build. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { isOutOfSpace } from "@banger/platform/fs/errno";
import { removeTree } from "@banger/platform/fs/remove-tree";
import type { StoreListing } from "../content/content-store.ts";
import { type Progress, SharedWork } from "../content/shared-work.ts";
import { type StagingOwner, stagingPath, sweepStaging } from "../content/staging.ts";
import { idOf, removeUnused } from "../content/use-entry.ts";
import { ensureInitramfs, type Initramfs, removeInitramfs, verifyInitramfs } from "./initramfs.ts";
import { checkKernel, type Kernel, type KernelManifest } from "./kernel-manifest.ts";
import { DEBIAN_KERNEL, type PullDeps, pullDebian } from "./pull-debian.ts";

export type KernelServiceDeps = PullDeps & {
  readonly owner: StagingOwner;
  /** for downloads and unpacking; what is kept in it may be removed at any time */
  readonly cacheDir: string;
  /** where the initramfs of each kernel and agent are kept */
  readonly initramfsDir: string;
  /** names of the machines that use a kernel */
  readonly usedBy: (id: string) => readonly string[] | Promise<readonly string[]>;
};

/** What `kernel pull` knows how to get. */
export const AVAILABLE_KERNELS: readonly string[] = [DEBIAN_KERNEL];

export class KernelService {
  readonly #deps: KernelServiceDeps;
  readonly #pulls = new SharedWork<Kernel>();

  constructor(deps: KernelServiceDeps) {
    this.#deps = deps;
  }

  /** Gets the newest kernel of that name; callers at the same time share the work and its progress. */
  async pull(name: string, options: { signal: AbortSignal; progress?: Progress }): Promise<Kernel> {
    if (!AVAILABLE_KERNELS.includes(name)) {
      throw new AppError("KERNEL_NOT_FOUND", `no kernel "${name}" can be pulled`, {
        facts: { name },
        hint: `Available: ${AVAILABLE_KERNELS.join(", ")}.`,
      });
    }
    return await this.#pulls.join(name, (context) => this.#pull(context), options);
  }

  async list(): Promise<StoreListing<KernelManifest>> {
    return await this.#deps.store.list();
  }

  async show(ref: string, options: { signal: AbortSignal; verify?: "sizes" | "checksums" }): Promise<Kernel> {
    const kernel = await this.#deps.store.find(ref);
    await checkKernel(kernel, { depth: options.verify ?? "sizes", signal: options.signal });
    return kernel;
  }

  /** What references mean among the kernels that there are now. */
  async idOf(): Promise<(ref: string) => string> {
    const listing = await this.#deps.store.list();
    return (ref) => idOf(listing, { ref, kind: "kernel" });
  }

  async bytesOnDisk(id: string): Promise<number> {
    return await this.#deps.store.bytesOnDisk(id);
  }

  /** A corrupt kernel can be removed too, by its exact id. */
  async remove(ref: string): Promise<{ id: string }> {
    const { store, usedBy, initramfsDir } = this.#deps;
    const { id } = await removeUnused(store, ref, { kind: "kernel", usedBy });
    await removeInitramfs(id, { dir: initramfsDir });
    return { id };
  }

  /** The kernel that `ref` means, checked for use; pulled when it is not there and its name is known. */
  async ensure(ref: string, options: { signal: AbortSignal; progress?: Progress }): Promise<Kernel> {
    try {
      return await this.show(ref, options);
    } catch (error) {
      if (!AppError.is(error, "KERNEL_NOT_FOUND") || !AVAILABLE_KERNELS.includes(ref)) throw error;
    }
    return await this.pull(ref, options);
  }

  /** The file that boots this kernel into the agent at `agentBinaryPath`. */
  async ensureInitramfs(kernel: Kernel, agentBinaryPath: string): Promise<Initramfs> {
    return await ensureInitramfs(kernel, agentBinaryPath, { dir: this.#deps.initramfsDir });
  }

  /** Reads all that a machine with this kernel and the agent at `agentBinaryPath` was booted from; throws KERNEL_CORRUPT. */
  async verify(ref: string, agentBinaryPath: string, { signal }: { signal: AbortSignal }): Promise<void> {
    const kernel = await this.show(ref, { signal, verify: "checksums" });
    await verifyInitramfs(kernel, agentBinaryPath, { dir: this.#deps.initramfsDir, signal });
  }

  /** Removes what pulls of dead processes have left. */
  async sweep(): Promise<readonly string[]> {
    const { store, cacheDir, owner } = this.#deps;
    return [...(await store.sweep()), ...(await sweepStaging(cacheDir, owner))];
  }

  async #pull({ signal, progress }: { signal: AbortSignal; progress: Progress }): Promise<Kernel> {
    const { cacheDir, owner } = this.#deps;
    await mkdir(cacheDir, { recursive: true, mode: 0o700 });
    const workDir = stagingPath(cacheDir, { what: "staging", owner });
    try {
      await mkdir(workDir, { mode: 0o700 });
      return await pullDebian(this.#deps, { workDir, packagesDir: join(cacheDir, "packages"), signal, progress });
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      throw new AppError("DISK_FULL", `no space left in ${cacheDir} while pulling a kernel`, { cause: error });
    } finally {
      await removeTree(workDir, { under: cacheDir });
    }
  }
}
