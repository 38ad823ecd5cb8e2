/** Whether an image is still what was built: a cheap look before each use, and all of its bytes when it did not boot. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import { errnoOf } from "@banger/platform/fs/errno";
import type { StoredEntry } from "../content/content-store.ts";
import { usedExtents } from "../storage/ext4-used.ts";
import { sha256OfFile } from "../storage/file-digest.ts";
import { readSparseContent } from "../storage/sparse-content.ts";
import type { ImageManifest } from "./manifest.ts";

const EXT4_MAGIC_OFFSET = 1024 + 0x38;
const EXT4_MAGIC = 0xef53;

/** Throws IMAGE_CORRUPT; the bytes themselves are not read. */
export async function checkImage({ manifest, dir }: StoredEntry<ImageManifest>): Promise<void> {
  for (const { name, bytes } of manifest.files) {
    const complaint = await complaintAbout(join(dir, name), bytes);
    if (complaint !== undefined) throw corrupt(manifest, name, complaint);
  }
}

/** Throws IMAGE_CORRUPT; reads all that it holds, which takes a second or more. */
export async function verifyImage(
  exec: Exec,
  image: StoredEntry<ImageManifest>,
  { signal }: { signal: AbortSignal },
): Promise<void> {
  await checkImage(image);
  const { manifest, dir } = image;
  for (const { name, sha256 } of manifest.files) {
    const path = join(dir, name);
    const found = await (name.endsWith(".ext4")
      ? digestOfExt4(exec, path, { signal })
      : sha256OfFile(path, { signal }));
    if (found !== sha256) throw corrupt(manifest, name, "is not what was built");
  }
}

/** As it was counted when the file was made: gigabytes of holes are not read. None of a file system in shambles. */
async function digestOfExt4(
  exec: Exec,
  path: string,
  { signal }: { signal: AbortSignal },
): Promise<string | undefined> {
  try {
    return (await readSparseContent(path, { within: await usedExtents(exec, path, { signal }), signal })).sha256;
  } catch (error) {
    if (AppError.is(error, "COMMAND_FAILED") || AppError.is(error, "BUILD_FAILED")) return undefined;
    throw error;
  }
}

function corrupt({ id, name }: ImageManifest, file: string, complaint: string): AppError {
  return new AppError("IMAGE_CORRUPT", `image ${name} (${id}): ${file} ${complaint}`, {
    facts: { id, file },
    hint: `Run \`banger image delete ${id}\`, then \`banger image build ${name}\`.`,
  });
}

async function complaintAbout(path: string, bytes: number): Promise<string | undefined> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size !== bytes) return `has ${size} bytes instead of ${bytes}`;
    if (!path.endsWith(".ext4")) return undefined;
    const { buffer } = await file.read(Buffer.alloc(2), 0, 2, EXT4_MAGIC_OFFSET);
    return buffer.readUInt16LE() === EXT4_MAGIC ? undefined : "is not an ext4 file system";
  } catch (error) {
    return `can not be read (${errnoOf(error) ?? "unknown"})`;
  }
}
