/**
 * Makes a machine's work disk: a clone of the image's work seed that the guest grows online, or an empty file system
 * for an image that has none. The host never opens it again once a guest has written to it.
 */
import { rm } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import { formatBytes } from "@banger/contract/sizes";
import type { Exec } from "@banger/platform/exec/run";
import { type CloneHow, cloneFile } from "./clone.ts";
import { makeExt4 } from "./ext4.ts";
import { setLength } from "./set-length.ts";
import type { Extent } from "./sparse-content.ts";

export type WorkSeed = {
  readonly path: string;
  /** apparent size, `bytes` */
  readonly bytes: number;
  readonly extents: readonly Extent[];
};

export type WorkDiskOptions = {
  readonly sizeBytes: number;
  readonly seed: WorkSeed | null;
  /** for the UUID of an empty one, such as the machine's id */
  readonly identity: string;
  readonly signal: AbortSignal;
};

/** Makes `path`, which must not exist; it is not there if this fails. */
export async function makeWorkDisk(exec: Exec, path: string, options: WorkDiskOptions): Promise<CloneHow | "fresh"> {
  const { sizeBytes, seed, identity, signal } = options;
  if (seed === null) {
    await makeExt4(exec, path, { sizeBytes, identity: `work ${identity}`, label: "work", signal });
    return "fresh";
  }
  if (sizeBytes < seed.bytes) {
    throw new AppError(
      "SIZE_INVALID",
      `a work disk of ${formatBytes(sizeBytes)} is smaller than the image's home, ${formatBytes(seed.bytes)}`,
      { facts: { sizeBytes, seedBytes: seed.bytes } },
    );
  }
  const how = await cloneFile(seed.path, path, { extents: seed.extents, signal });
  try {
    await setLength(path, sizeBytes);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return how;
}
