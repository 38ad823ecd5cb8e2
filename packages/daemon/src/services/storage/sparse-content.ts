/**
 * Where a sparse file holds data, and a fingerprint of that data.
 *
 * The fingerprint leaves holes out, so that it costs what the data costs, and so that a copy with other holes but the
 * same bytes has the same one.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";

/** offset and length, `bytes`, whole blocks */
export type Extent = readonly [offset: number, length: number];
export type SparseContent = {
  readonly extents: readonly Extent[];
  /** sha-256 over each block that is not all zeroes: its offset as 8 bytes, big-endian, then its bytes */
  readonly sha256: string;
  readonly dataBytes: number;
};

const BLOCK_BYTES = 64 << 10;
const CHUNK_BYTES = 4 << 20;

/** Reads all of `file`, or only `within`, when it is known that the rest is zeroes. */
export async function readSparseContent(
  path: string,
  options: {
    within?: readonly Extent[];
    signal: AbortSignal;
    progress?: (doneBytes: number, totalBytes: number) => void;
  },
): Promise<SparseContent> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const parts = wholeBlocks(options.within ?? [[0, size]], size);
  const totalBytes = parts.reduce((sum, [, length]) => sum + length, 0);
  const hash = createHash("sha256");
  const extents: Array<[number, number]> = [];
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let dataBytes = 0;
  let readBytes = 0;
  for (const [start, length] of parts) {
    for (let at = start; at < start + length; at += CHUNK_BYTES) {
      options.signal.throwIfAborted();
      const { bytesRead } = await file.read(buffer, 0, Math.min(CHUNK_BYTES, start + length - at), at);
      for (let inner = 0; inner < bytesRead; inner += BLOCK_BYTES) {
        const block = buffer.subarray(inner, Math.min(inner + BLOCK_BYTES, bytesRead));
        if (isZero(block)) continue;
        hash.update(offsetBytes(at + inner)).update(block);
        addBlock(extents, at + inner, block.length);
        dataBytes += block.length;
      }
      readBytes += bytesRead;
      options.progress?.(readBytes, totalBytes);
    }
  }
  return { extents, sha256: hash.digest("hex"), dataBytes };
}

/** In order, merged, and beginning and ending at blocks. */
function wholeBlocks(extents: readonly Extent[], size: number): Extent[] {
  const merged: Array<[number, number]> = [];
  for (const [offset, length] of [...extents].sort(([a], [b]) => a - b)) {
    const start = Math.floor(offset / BLOCK_BYTES) * BLOCK_BYTES;
    const end = Math.min(size, Math.ceil((offset + length) / BLOCK_BYTES) * BLOCK_BYTES);
    const last = merged.at(-1);
    if (last && start <= last[0] + last[1]) last[1] = Math.max(last[1], end - last[0]);
    else if (end > start) merged.push([start, end - start]);
  }
  return merged;
}

function addBlock(extents: Array<[number, number]>, offset: number, length: number): void {
  const last = extents.at(-1);
  if (last && last[0] + last[1] === offset) last[1] += length;
  else extents.push([offset, length]);
}

const ZEROES = Buffer.alloc(BLOCK_BYTES);

function isZero(block: Buffer): boolean {
  return block.equals(ZEROES.subarray(0, block.length));
}

function offsetBytes(offset: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(offset));
  return bytes;
}
