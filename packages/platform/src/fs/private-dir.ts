/**
 * Directories that only we may enter. What exists and is not exactly that is refused, never mended: somebody else may
 * have put it there.
 */
import { lstat, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "@banger/contract/errors";

/** Makes `path` (parents too) with mode 0700, or checks that it is a real directory of ours with no access for others. */
export async function ensurePrivateDir(path: string, options: { uid?: number } = {}): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  await checkPrivateDir(path, options);
}

export async function checkPrivateDir(path: string, options: { uid?: number } = {}): Promise<void> {
  const uid = options.uid ?? process.getuid?.() ?? 0;
  const stat = await lstat(path);
  const facts = { path, uid: stat.uid, mode: (stat.mode & 0o7777).toString(8) };
  if (stat.isSymbolicLink()) throw new AppError("STATE_UNSAFE", `${path} is a symbolic link`, { facts });
  if (!stat.isDirectory()) throw new AppError("STATE_UNSAFE", `${path} is not a directory`, { facts });
  if (stat.uid !== uid) {
    throw new AppError("STATE_UNSAFE", `${path} belongs to uid ${stat.uid}, not to ${uid}`, { facts });
  }
  if ((stat.mode & 0o077) !== 0) {
    throw new AppError("STATE_UNSAFE", `${path} has mode ${facts.mode}, others may enter it`, { facts });
  }
}
