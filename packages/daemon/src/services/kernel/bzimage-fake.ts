/** Small bzImages for tests: a real setup header around a real compressed stream of a made-up ELF file. */
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Exec } from "@banger/platform/exec/run";
import type { Compression } from "./bzimage.ts";
import { encodeLz4Legacy } from "./lz4-fake.ts";

const SETUP_SECTORS = 2;
const PAYLOAD_OFFSET = 64;

/** An ELF header and something to compress, with calls in it for the x86 filter. */
export function fakeVmlinux(bytes = 200_000): Buffer {
  const file = Buffer.alloc(bytes);
  for (let at = 64; at + 5 < bytes; at += 7 + (at % 11)) {
    file.writeUInt8(0xe8, at);
    file.writeInt32LE((at * 31) % 5000, at + 1);
  }
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(file);
  file.writeUInt16LE(62, 18);
  return file;
}

export async function fakeBzImage(
  vmlinux: Buffer,
  { compression, exec }: { compression: Compression; exec: Exec },
): Promise<Buffer> {
  const stream = await compress(vmlinux, compression, exec);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(vmlinux.length);
  return wrapPayload(compression === "gzip" ? stream : Buffer.concat([stream, size]));
}

export function wrapPayload(payload: Buffer): Buffer {
  const start = (SETUP_SECTORS + 1) * 512 + PAYLOAD_OFFSET;
  const image = Buffer.alloc(start + payload.length + 100);
  image.writeUInt8(SETUP_SECTORS, 0x1f1);
  image.writeUInt16LE(0xaa55, 0x1fe);
  image.write("HdrS", 0x202, "latin1");
  image.writeUInt16LE(0x020f, 0x206);
  image.writeUInt32LE(PAYLOAD_OFFSET, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, start);
  return image;
}

async function compress(input: Buffer, compression: Compression, exec: Exec): Promise<Buffer> {
  switch (compression) {
    case "gzip":
      return gzipSync(input);
    case "zstd":
      return zstdCompressSync(input);
    case "lz4":
      return encodeLz4Legacy(input, { blockBytes: 64 << 10 });
    case "xz": // as the kernel's build does it
      return (await exec.run(["xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB", "-c"], { input })).stdout;
  }
}
