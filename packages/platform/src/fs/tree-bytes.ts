/** What a directory takes up on the disk: blocks, not sizes, so that holes count for nothing. Links are not followed. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { unlessMissing } from "./errno.ts";

const BLOCK_BYTES = 512;

/** Of a directory with all that it holds, or of a file. What goes away meanwhile counts for nothing. */
export async function treeBytes(path: string): Promise<number> {
  const stat = await unlessMissing(lstat(path));
  if (!stat) return 0;
  const names = stat.isDirectory() ? await unlessMissing(readdir(path)) : [];
  const inner = await Promise.all((names ?? []).map((name) => treeBytes(join(path, name))));
  return inner.reduce((sum, bytes) => sum + bytes, stat.blocks * BLOCK_BYTES);
}
