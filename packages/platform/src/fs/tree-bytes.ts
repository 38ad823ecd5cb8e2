/** What a directory takes up on the disk: blocks, not sizes, so that holes count for nothing. Links are not followed. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

const BLOCK_BYTES = 512;

/** What goes away meanwhile counts for nothing. */
export async function treeBytes(directory: string): Promise<number> {
  const entries = await unlessGone(readdir(directory, { withFileTypes: true }));
  const sizes = (entries ?? []).map(async (entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return await treeBytes(path);
    return ((await unlessGone(lstat(path)))?.blocks ?? 0) * BLOCK_BYTES;
  });
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

async function unlessGone<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
