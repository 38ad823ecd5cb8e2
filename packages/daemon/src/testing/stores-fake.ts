/** An image and a kernel as they lie in a state directory, small and made in no time; no guest could boot them. */
import { createHash } from "node:crypto";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DaemonPaths } from "../config.ts";
import type { ImageManifest } from "../services/image/manifest.ts";
import { KERNEL_FILES, type KernelManifest } from "../services/kernel/kernel-manifest.ts";

export const IMAGE_ID = "image0000001";
export const KERNEL_ID = "kernel000001";
const IMAGE_BYTES = 4096;
const EXT4_MAGIC_OFFSET = 1024 + 0x38;
const SHA = "0".repeat(64);
const CREATED = "2026-01-01T00:00:00.000Z";

export async function putImage(
  paths: DaemonPaths,
  options: { id?: string; name?: string; bytes?: number } = {},
): Promise<void> {
  const { id = IMAGE_ID, name = "minimal", bytes = IMAGE_BYTES } = options;
  const root = Buffer.alloc(IMAGE_BYTES);
  root.writeUInt16LE(0xef53, EXT4_MAGIC_OFFSET);
  // a single block, at the file's beginning
  const sha256 = createHash("sha256").update(Buffer.alloc(8)).update(root).digest("hex");
  const manifest: ImageManifest = {
    ...{ format: 1, id, name, description: "for tests", createdAt: CREATED, recipe: { sha256: SHA } },
    ...{ suite: "bookworm", architecture: "amd64", init: null, workSeed: null },
    files: [{ name: "root.ext4", bytes, sha256 }],
  };
  await put(join(paths.images, id), { "manifest.json": JSON.stringify(manifest), "root.ext4": root });
  await truncate(join(paths.images, id, "root.ext4"), bytes); // the rest is a hole
}

export async function putKernel(paths: DaemonPaths): Promise<void> {
  const contents = Object.fromEntries(Object.values(KERNEL_FILES).map((name) => [name, `${name} of a kernel`]));
  const manifest: KernelManifest = {
    ...{ id: KERNEL_ID, name: "debian", distro: "debian", package: "linux-image-test", version: "6.1.0-1" },
    ...{ kernelRelease: "6.1.0-1-cloud-amd64", architecture: "amd64", createdAt: CREATED },
    files: Object.entries(contents).map(([name, content]) => ({
      ...{ name, bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") },
    })),
  };
  await put(join(paths.kernels, KERNEL_ID), { ...contents, "manifest.json": JSON.stringify(manifest) });
}

async function put(directory: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  for (const [name, content] of Object.entries(files)) await writeFile(join(directory, name), content);
}
