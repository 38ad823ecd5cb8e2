/**
 * Finds the compressed kernel in a bzImage by its setup header (Documentation/arch/x86/boot.rst, protocol 2.08).
 * It only locates; what is inside is `vmlinux.ts`'s business.
 */
import { AppError } from "@banger/contract/errors";
import { LZ4_LEGACY_MAGIC } from "./lz4-legacy.ts";

const SECTOR_BYTES = 512;
const AT = {
  setupSectors: 0x1f1,
  bootFlag: 0x1fe,
  magic: 0x202,
  version: 0x206,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
};
const HEADER_BYTES = 0x250;
const BOOT_FLAG = 0xaa55;
const PAYLOAD_PROTOCOL = 0x0208;
/** no kernel is larger when unpacked, `bytes` */
const MAX_UNPACKED_BYTES = 512 * 2 ** 20;

export type Compression = "gzip" | "lz4" | "xz" | "zstd";
export type Payload = {
  readonly compression: Compression;
  /** the compressed stream alone */
  readonly data: Buffer;
  /** what it unpacks to, `bytes` */
  readonly unpackedBytes: number;
};

/** Throws KERNEL_CORRUPT when this is no bzImage whose payload we can name. */
export function findPayload(image: Buffer): Payload {
  if (image.length < HEADER_BYTES) throw corrupt(`it has ${image.length} bytes only`);
  if (image.readUInt16LE(AT.bootFlag) !== BOOT_FLAG || image.toString("latin1", AT.magic, AT.magic + 4) !== "HdrS") {
    throw corrupt("it has no setup header");
  }
  const version = image.readUInt16LE(AT.version);
  if (version < PAYLOAD_PROTOCOL) throw corrupt(`its boot protocol ${version.toString(16)} does not tell the payload`);
  const setupSectors = image.readUInt8(AT.setupSectors) || 4; // 0 means 4, for historical reasons
  const start = (setupSectors + 1) * SECTOR_BYTES + image.readUInt32LE(AT.payloadOffset);
  const length = image.readUInt32LE(AT.payloadLength);
  if (length < 8 || start + length > image.length) {
    throw corrupt(`its payload of ${length} bytes at ${start} does not lie within its ${image.length} bytes`);
  }
  const payload = image.subarray(start, start + length);
  const compression = sniff(payload);
  if (!compression) throw corrupt(`its payload is compressed in an unknown way (${payload.toString("hex", 0, 6)})`);
  // The build appends the unpacked size to every stream but gzip's, which ends with it anyway.
  const unpackedBytes = payload.readUInt32LE(length - 4);
  if (unpackedBytes === 0 || unpackedBytes > MAX_UNPACKED_BYTES)
    throw corrupt(`it claims to unpack to ${unpackedBytes} bytes`);
  return { compression, unpackedBytes, data: compression === "gzip" ? payload : payload.subarray(0, length - 4) };
}

function sniff(payload: Buffer): Compression | undefined {
  if (payload.readUInt16BE(0) === 0x1f8b) return "gzip";
  if (payload.readUInt32LE(0) === LZ4_LEGACY_MAGIC) return "lz4";
  if (payload.toString("hex", 0, 6) === "fd377a585a00") return "xz";
  if (payload.readUInt32LE(0) === 0xfd2fb528) return "zstd";
  return undefined;
}

function corrupt(why: string): AppError {
  return new AppError("KERNEL_CORRUPT", `this is no bzImage that can be unpacked: ${why}`);
}
