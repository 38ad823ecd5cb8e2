/**
 * Clones a file of ours: by reference where the file system can share blocks, else by copying the parts that hold data.
 *
 * The copy's cost is that of its data and not of its size, because the caller knows where the data lies.
 */
import { constants } from "node:fs";
import { copyFile, type FileHandle, open, rm } from "node:fs/promises";
import { errnoOf } from "@banger/platform/fs/errno";
import type { Extent } from "./sparse-content.ts";

const CHUNK_BYTES = 1 << 20;
/** what file systems say that can not share blocks, or not with each other */
const NO_SHARING = new Set<string | undefined>(["ENOTSUP", "EOPNOTSUPP", "EXDEV", "ENOSYS", "EINVAL", "ENOTTY"]);

export type CloneHow = "reflink" | "copy";

/** Makes `target`, which must not exist; it is not there if this fails. */
export async function cloneFile(
  source: string,
  target: string,
  options: { extents: readonly Extent[]; signal: AbortSignal; tryReflink?: boolean },
): Promise<CloneHow> {
  try {
    if ((options.tryReflink ?? true) && (await reflink(source, target))) return "reflink";
    await copyExtents(source, target, options);
    return "copy";
  } catch (error) {
    if (errnoOf(error) !== "EEXIST") await rm(target, { force: true });
    throw error;
  }
}

async function reflink(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    await using file = await open(target, "r");
    await file.chmod(0o600);
    return true;
  } catch (error) {
    if (!NO_SHARING.has(errnoOf(error))) throw error;
    await rm(target, { force: true }); // libuv makes the file before it asks
    return false;
  }
}

async function copyExtents(
  source: string,
  target: string,
  { extents, signal }: { extents: readonly Extent[]; signal: AbortSignal },
): Promise<void> {
  await using from = await open(source, "r");
  await using to = await open(target, "wx", 0o600);
  const { size } = await from.stat();
  for (const [offset, length] of extents) {
    for (let done = 0; done < length; done += CHUNK_BYTES) {
      signal.throwIfAborted();
      await copyPart(from, to, { offset: offset + done, length: Math.min(CHUNK_BYTES, length - done) });
    }
  }
  await to.truncate(size);
}

async function copyPart(from: FileHandle, to: FileHandle, part: { offset: number; length: number }): Promise<void> {
  const buffer = Buffer.allocUnsafe(part.length);
  const { bytesRead } = await from.read(buffer, 0, part.length, part.offset);
  let written = 0;
  while (written < bytesRead) {
    written += (await to.write(buffer, written, bytesRead - written, part.offset + written)).bytesWritten;
  }
}
