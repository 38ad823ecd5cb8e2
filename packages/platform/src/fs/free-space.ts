/** Space on a file system, checked before something large is written to it. */
import { statfs } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";

/** Bytes that an unprivileged writer can still use. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

export async function requireFreeSpace(path: string, options: { neededBytes: number; what: string }): Promise<void> {
  const free = await freeBytes(path);
  const { neededBytes, what } = options;
  if (free >= neededBytes) return;
  throw new AppError("DISK_FULL", `${what} needs ${mib(neededBytes)} MiB, ${path} has ${mib(free)} MiB free`, {
    facts: { path, what, neededBytes, freeBytes: free },
  });
}

function mib(bytes: number): number {
  return Math.ceil(bytes / (1 << 20));
}
