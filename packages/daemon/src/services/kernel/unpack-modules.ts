/**
 * Makes every module of a tree a plain `.ko`: what loads modules in a guest may be a few hundred lines without any
 * decompressor, and the disk that carries them is shared by all machines.
 */
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzip, zstdDecompress } from "node:zlib";
import { AppError } from "@banger/contract/errors";
import { decodeXz } from "./xz.ts";

const MAX_MODULE_BYTES = 64 * 2 ** 20;
const COMPRESSED = /\.ko\.(gz|xz|zst)$/;

export async function unpackModules(dir: string, { signal }: { signal: AbortSignal }): Promise<void> {
  for (const name of await readdir(dir, { recursive: true })) {
    const compression = COMPRESSED.exec(name)?.[1];
    if (compression === undefined) continue;
    signal.throwIfAborted();
    const path = join(dir, name);
    const content = await unpack(await readFile(path), { name, compression, signal });
    await writeFile(path.slice(0, -(compression.length + 1)), content, { signal });
    await rm(path);
  }
}

async function unpack(
  content: Buffer,
  { name, compression, signal }: { name: string; compression: string; signal: AbortSignal },
): Promise<Buffer> {
  try {
    if (compression === "gz") return await promisify(gunzip)(content, { maxOutputLength: MAX_MODULE_BYTES });
    if (compression === "zst") return await promisify(zstdDecompress)(content, { maxOutputLength: MAX_MODULE_BYTES });
    return await decodeXz(content, { maxBytes: MAX_MODULE_BYTES, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw new AppError("BUILD_FAILED", `the kernel module ${name} can not be unpacked`, { cause: error });
  }
}
