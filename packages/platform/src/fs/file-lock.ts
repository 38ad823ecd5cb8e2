/**
 * Locks on files that the kernel drops by itself when the holder is gone: open-file-description locks, which another
 * open of the same file in this process does not share.
 */
import { open } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import type { Native } from "../native.ts";

export type FileLock = AsyncDisposable & { readonly path: string };

/** Takes the lock or throws STATE_LOCKED; never waits. The file is made when missing and is never removed. */
export async function lockFile(
  path: string,
  options: { native: Pick<Native, "ofdLock">; exclusive?: boolean },
): Promise<FileLock> {
  const file = await open(path, "a+", 0o600);
  try {
    if (!options.native.ofdLock(file.fd, options.exclusive ?? true)) {
      throw new AppError("STATE_LOCKED", `${path} is held by another process`, { facts: { path } });
    }
  } catch (error) {
    await file.close();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    path,
    [Symbol.asyncDispose]() {
      closing ??= file.close();
      return closing;
    },
  };
}
