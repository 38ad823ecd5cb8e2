/** What a directory takes up on the disk: blocks, not sizes, so that holes count for nothing. Links are not followed. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing } from "./errno.ts";

const BLOCK_BYTES = 512;

/** What goes away meanwhile counts for nothing. */
export async function treeBytes(directory: string): Promise<number> {
  const entries = await unlessMissing(readdir(directory, { withFileTypes: true }));
  const sizes = (entries ?? []).map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return await treeBytes(path);
    return ((await unlessMissing(lstat(path)))?.blocks ?? 0) * BLOCK_BYTES;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}
