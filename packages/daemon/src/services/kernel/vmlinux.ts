/** Unpacks the ELF `vmlinux` out of a bzImage, for VMMs that take nothing else. */
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { AppError } from "@banger/contract/errors";
import { findPayload, type Payload } from "./bzimage.ts";
import { decodeLz4Legacy } from "./lz4-legacy.ts";
import { decodeXz } from "./xz.ts";

const ELF_MAGIC = 0x7f454c46;
const ELF_CLASS_64 = 2;
const ELF_LITTLE_ENDIAN = 1;
const ELF_X86_64 = 62;
const ELF_HEADER_BYTES = 64;

export async function extractVmlinux(image: Buffer, { signal }: { signal: AbortSignal }): Promise<Buffer> {
  signal.throwIfAborted();
  const payload = findPayload(image);
  let vmlinux: Buffer;
  try {
    vmlinux = await unpack(payload, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new AppError("KERNEL_CORRUPT", `the ${payload.compression} payload of the kernel can not be unpacked`, {
      cause: error,
    });
  }
  if (vmlinux.length !== payload.unpackedBytes) {
    throw new AppError(
      "KERNEL_CORRUPT",
      `the kernel unpacks to ${vmlinux.length} bytes where its header says ${payload.unpackedBytes}`,
    );
  }
  if (!isElf64(vmlinux)) throw new AppError("KERNEL_CORRUPT", "what the kernel unpacks to is no x86-64 ELF file");
  return vmlinux;
}

async function unpack(payload: Payload, signal: AbortSignal): Promise<Buffer> {
  const { compression, data, unpackedBytes } = payload;
  switch (compression) {
    case "gzip":
      return await promisify(gunzip)(data, { maxOutputLength: unpackedBytes });
    case "zstd":
      return await promisify(zstdDecompress)(data, { maxOutputLength: unpackedBytes });
    case "lz4":
      return await decodeLz4Legacy(data, { sizeBytes: unpackedBytes, signal });
    case "xz":
      return await decodeXz(data, { maxBytes: unpackedBytes, signal });
  }
}

function isElf64(file: Buffer): boolean {
  return (
    file.length >= ELF_HEADER_BYTES &&
    file.readUInt32BE(0) === ELF_MAGIC &&
    file.readUInt8(4) === ELF_CLASS_64 &&
    file.readUInt8(5) === ELF_LITTLE_ENDIAN &&
    file.readUInt16LE(18) === ELF_X86_64
  );
}
