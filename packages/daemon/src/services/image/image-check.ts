/** A look at an image before it is used: cheap, and enough to tell a damaged one in words. */
import { open } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { StoredEntry } from "../storage/content-store.ts";
import type { ImageManifest } from "./manifest.ts";

const EXT4_MAGIC_OFFSET = 1024 + 0x38;
const EXT4_MAGIC = 0xef53;

/** Throws IMAGE_CORRUPT; the bytes themselves are not read. */
export async function checkImage({ manifest, dir }: StoredEntry<ImageManifest>): Promise<void> {
  for (const { name, bytes } of manifest.files) {
    const complaint = await complaintAbout(join(dir, name), bytes);
    if (complaint === undefined) continue;
    throw new AppError("IMAGE_CORRUPT", `image ${manifest.name} (${manifest.id}): ${name} ${complaint}`, {
      facts: { id: manifest.id, file: name },
      hint: `Run \`banger image delete ${manifest.id}\`, then \`banger image build ${manifest.name}\`.`,
    });
  }
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
    return `can not be read (${error instanceof Error && "code" in error ? String(error.code) : "unknown"})`;
  }
}
