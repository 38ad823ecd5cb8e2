/** How large an ext4 file has to be for some content. The file is sparse, so being generous costs nothing. */
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { BLOCK_BYTES, GROUP_BYTES, INODES_PER_GROUP } from "./ext4.ts";

export type TreeContent = {
  /** in whole blocks, directories included, `bytes` */
  readonly bytes: number;
  readonly inodes: number;
};

/** Longer link targets take a block of their own, `bytes`. */
const INLINE_LINK_BYTES = 60;
/** Superblocks, descriptors, bitmaps and room that grows with the content. */
const FIXED_BYTES = 4 * 2 ** 20;
const MIB_BYTES = 2 ** 20;
const SLACK = 1.05;

export async function measureTree(dir: string, { signal }: { signal: AbortSignal }): Promise<TreeContent> {
  signal.throwIfAborted();
  const names = await readdir(dir, { withFileTypes: true });
  let bytes = inBlocks(names.reduce((sum, { name }) => sum + 8 + ((Buffer.byteLength(name) + 3) & ~3), 24));
  let inodes = 1;
  for (const entry of names) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) {
      const inner = await measureTree(path, { signal });
      bytes += inner.bytes;
      inodes += inner.inodes;
      continue;
    }
    inodes += 1;
    if (entry.isFile()) bytes += inBlocks((await lstat(path)).size);
    if (entry.isSymbolicLink() && (await lstat(path)).size >= INLINE_LINK_BYTES) bytes += BLOCK_BYTES;
  }
  return { bytes, inodes };
}

/** The smallest size, in steps of 1 MiB, into which the content surely fits. */
export function ext4SizeFor(content: TreeContent, options: { journalMib: number | "none" }): number {
  const journalBytes = options.journalMib === "none" ? 0 : options.journalMib * MIB_BYTES;
  // Each group brings its inodes (2 MiB of table); there must be groups enough for all of them.
  const inodeTables = (GROUP_BYTES / 64) * Math.ceil((content.inodes + 16) / INODES_PER_GROUP);
  const data = content.bytes * SLACK + journalBytes + FIXED_BYTES + inodeTables;
  const withTables = data * (1 + 1 / 60);
  const forInodes = (Math.ceil((content.inodes + 16) / INODES_PER_GROUP) - 1) * GROUP_BYTES + 1;
  return Math.ceil(Math.max(withTables, forInodes) / MIB_BYTES) * MIB_BYTES;
}

function inBlocks(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;
}
