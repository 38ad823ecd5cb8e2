/**
 * Writes a machine's root disk: an empty qcow2 (version 3) over an image that is never changed.
 *
 * The four clusters of an empty overlay are written here, because a process for each create would cost more than all
 * the rest of it. Nothing here reads a disk that a guest has written.
 */
import { open, rm } from "node:fs/promises";
import { isAbsolute } from "node:path";
import { AppError } from "@banger/contract/errors";

export type OverlayOptions = {
  /** absolute path of the image, raw */
  readonly backing: string;
  /** what the guest sees, `bytes`, whole sectors; may exceed the image, never be less */
  readonly sizeBytes: number;
};

const CLUSTER_BITS = 16;
const CLUSTER_BYTES = 1 << CLUSTER_BITS;
const SECTOR_BYTES = 512;
/** an L2 table fills a cluster with entries of 8 bytes, so one L1 entry stands for 512 MiB */
const L1_ENTRY_BYTES = CLUSTER_BYTES * (CLUSTER_BYTES / 8);
/** what QEMU accepts */
const MAX_L1_BYTES = 32 << 20;
const MAX_BACKING_BYTES = 1023;
const HEADER_BYTES = 104;
const EXTENSION_BACKING_FORMAT = 0xe279_2aca;
/** 16-bit reference counts */
const REFCOUNT_ORDER = 4;
const REFCOUNTS_PER_BLOCK = CLUSTER_BYTES / 2;

/** Makes `path`, which must not exist; it is not there if this fails. */
export async function makeOverlay(path: string, options: OverlayOptions): Promise<void> {
  const { clusters, lengthBytes } = overlayClusters(options);
  const file = await open(path, "wx", 0o600);
  try {
    for (const { offset, content } of clusters) await file.write(content, 0, content.length, offset);
    await file.truncate(lengthBytes);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

type Cluster = { readonly offset: number; readonly content: Buffer };

/** Header, refcount table, refcount block, then the L1 table, which is all zeroes: everything is in the image. */
export function overlayClusters(options: OverlayOptions): { clusters: readonly Cluster[]; lengthBytes: number } {
  const { backing, sizeBytes } = options;
  const backingBytes = Buffer.byteLength(backing);
  if (!isAbsolute(backing) || backingBytes > MAX_BACKING_BYTES) {
    throw new AppError("PATH_TOO_LONG", `${backing} can not back a disk: ${backingBytes} bytes, or not absolute`, {
      facts: { path: backing, bytes: backingBytes, maxBytes: MAX_BACKING_BYTES },
    });
  }
  const l1Entries = Math.ceil(sizeBytes / L1_ENTRY_BYTES);
  const sound = Number.isSafeInteger(sizeBytes) && sizeBytes > 0 && sizeBytes % SECTOR_BYTES === 0;
  if (!sound || l1Entries * 8 > MAX_L1_BYTES) {
    throw new AppError("SIZE_INVALID", `a disk can not have ${sizeBytes} bytes`, { facts: { sizeBytes } });
  }
  const l1Clusters = Math.ceil((l1Entries * 8) / CLUSTER_BYTES);
  const used = 3 + l1Clusters;
  const refcounts = Buffer.alloc(Math.min(used, REFCOUNTS_PER_BLOCK) * 2);
  for (let cluster = 0; cluster < used; cluster += 1) refcounts.writeUInt16BE(1, cluster * 2);
  const refcountTable = Buffer.alloc(8);
  refcountTable.writeBigUInt64BE(BigInt(2 * CLUSTER_BYTES));
  return {
    clusters: [
      { offset: 0, content: header(backing, { sizeBytes, l1Entries }) },
      { offset: CLUSTER_BYTES, content: refcountTable },
      { offset: 2 * CLUSTER_BYTES, content: refcounts },
    ],
    lengthBytes: used * CLUSTER_BYTES,
  };
}

function header(backing: string, size: { sizeBytes: number; l1Entries: number }): Buffer {
  const name = Buffer.from(backing);
  const extensions = Buffer.alloc(24); // the backing format, padded to 8 bytes, then the end mark: 8 zeroes
  extensions.writeUInt32BE(EXTENSION_BACKING_FORMAT, 0);
  extensions.writeUInt32BE(3, 4);
  extensions.write("raw", 8);
  const fixed = Buffer.alloc(HEADER_BYTES);
  fixed.writeUInt32BE(0x5146_49fb, 0); // "QFI", 0xfb
  fixed.writeUInt32BE(3, 4);
  fixed.writeBigUInt64BE(BigInt(HEADER_BYTES + extensions.length), 8);
  fixed.writeUInt32BE(name.length, 16);
  fixed.writeUInt32BE(CLUSTER_BITS, 20);
  fixed.writeBigUInt64BE(BigInt(size.sizeBytes), 24);
  fixed.writeUInt32BE(size.l1Entries, 36);
  fixed.writeBigUInt64BE(BigInt(3 * CLUSTER_BYTES), 40);
  fixed.writeBigUInt64BE(BigInt(CLUSTER_BYTES), 48);
  fixed.writeUInt32BE(1, 56);
  fixed.writeUInt32BE(REFCOUNT_ORDER, 96);
  fixed.writeUInt32BE(HEADER_BYTES, 100);
  return Buffer.concat([fixed, extensions, name]);
}
