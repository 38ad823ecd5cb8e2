/** A kernel bundle as it lies in the content store: what is in it, and whether that is still so. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import * as z from "zod";
import { ContentId } from "../content/content-id.ts";
import type { StoredEntry } from "../content/content-store.ts";
import { sha256OfFile } from "../storage/file-digest.ts";

/** Raised when the same package is to give another bundle. */
export const BUNDLE_FORMAT = 1;

/** Every bundle has exactly these, beside its manifest. */
export const KERNEL_FILES = {
  /** bzImage, for QEMU */
  vmlinuz: "vmlinuz",
  /** ELF, for Firecracker */
  vmlinux: "vmlinux",
  /** read-only ext4, for /lib/modules */
  modules: "modules.ext4",
  /** the modules' part of the initramfs; the agent's part comes before it */
  initramfsModules: "initramfs-modules.cpio",
} as const;

const KernelFile = z.object({
  name: z.string().regex(/^[a-z0-9][a-z0-9.-]*$/),
  bytes: z.int().min(1),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

export const KernelManifest = z.object({
  id: ContentId,
  /** what it is asked for by; several may have the same, the newest counts */
  name: z.string().min(1),
  distro: z.string(),
  package: z.string(),
  version: z.string(),
  /** as `uname -r` */
  kernelRelease: z.string(),
  architecture: z.string(),
  createdAt: z.iso.datetime(),
  files: z
    .array(KernelFile)
    .refine((files) => Object.values(KERNEL_FILES).every((name) => files.some((file) => file.name === name)), {
      error: "a file of the kernel is not listed",
    }),
});
export type KernelManifest = z.infer<typeof KernelManifest>;
export type Kernel = StoredEntry<KernelManifest>;

export async function describeFile(dir: string, name: string): Promise<KernelManifest["files"][number]> {
  const path = join(dir, name);
  return { name, bytes: (await stat(path)).size, sha256: await sha256OfFile(path) };
}

/** Throws KERNEL_CORRUPT; sizes are looked at on every use, checksums (100 MB to read) on demand. */
export async function checkKernel(
  { manifest, dir }: Kernel,
  { depth, signal }: { depth: "sizes" | "checksums"; signal: AbortSignal },
): Promise<void> {
  for (const file of manifest.files) {
    signal.throwIfAborted();
    const path = join(dir, file.name);
    const facts = { id: manifest.id, file: file.name };
    const bytes = (await stat(path).catch(() => undefined))?.size; // ENOENT: missing is corrupt, too
    if (bytes !== file.bytes) {
      const found = bytes === undefined ? "is missing" : `has ${bytes} bytes instead of ${file.bytes}`;
      throw new AppError("KERNEL_CORRUPT", `${file.name} of kernel ${manifest.id} ${found}`, { facts });
    }
    if (depth === "checksums" && (await sha256OfFile(path, { signal })) !== file.sha256) {
      throw new AppError("KERNEL_CORRUPT", `${file.name} of kernel ${manifest.id} is not what was pulled`, { facts });
    }
  }
}
