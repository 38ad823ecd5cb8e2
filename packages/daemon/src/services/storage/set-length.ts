/** Gives a file its length, whose end is a hole. It never looks at what is in it. */
import { truncate } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import { formatBytes } from "@banger/contract/sizes";
import { errnoOf } from "@banger/platform/fs/errno";

/** Throws SIZE_INVALID where the host's file system has no files of that size: ext4 ends right below 16 TiB. */
export async function setLength(path: string, sizeBytes: number): Promise<void> {
  try {
    await truncate(path, sizeBytes);
  } catch (error) {
    throw explainLength(error, sizeBytes);
  }
}

export function explainLength(error: unknown, sizeBytes: number): unknown {
  if (errnoOf(error) !== "EFBIG") return error;
  const message = `the host's file system has no files of ${formatBytes(sizeBytes)}`;
  const hint = "Ask for a smaller disk.";
  return new AppError("SIZE_INVALID", message, { hint, facts: { sizeBytes }, cause: error });
}
