/** A directory tree as bytes on disk: made durable and read-only, and measured. */
import { lstat, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "@banger/platform/fs/atomic-write";
import { unlessMissing } from "@banger/platform/fs/errno";

export type TreeSize = {
  /** what the files say they hold, `bytes` */
  readonly apparentBytes: number;
  /** what they take, holes not counted, `bytes` */
  readonly diskBytes: number;
};

/** Makes every file read-only and everything durable. */
export async function seal(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await seal(path);
    if (!entry.isFile()) continue;
    await using file = await open(path, "r");
    await file.chmod(0o444);
    await file.sync();
  }
  await syncDirectory(dir);
}

/** What is being removed meanwhile takes nothing. */
export async function diskUsage(path: string): Promise<TreeSize> {
  const stat = await unlessMissing(lstat(path));
  if (!stat) return { apparentBytes: 0, diskBytes: 0 };
  let apparentBytes = stat.isFile() ? stat.size : 0;
  let diskBytes = stat.blocks * 512;
  if (stat.isDirectory()) {
    for (const name of (await unlessMissing(readdir(path))) ?? []) {
      const inner = await diskUsage(join(path, name));
      apparentBytes += inner.apparentBytes;
      diskBytes += inner.diskBytes;
    }
  }
  return { apparentBytes, diskBytes };
}
