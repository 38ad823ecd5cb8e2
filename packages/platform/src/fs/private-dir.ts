/**
 * Directories that only we may enter. What exists and is not exactly that is refused, never mended: somebody else may
 * have put it there.
 */
import { lstat, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "@banger/contract/errors";
import { errnoOf, isMissing, isOutOfSpace } from "./errno.ts";
import { refusedWrite } from "./refused-write.ts";

/** Makes `path` (parents too) with mode 0700, or checks that it is a real directory of ours with no access for others. */
export async function ensurePrivateDir(path: string, options: { uid?: number } = {}): Promise<void> {
  try {
    await makeDirectories(path);
  } catch (error) {
    if (isOutOfSpace(error)) {
      throw new AppError("DISK_FULL", `no space left to make the directory ${path}`, { facts: { path }, cause: error });
    }
    if (errnoOf(error) === "EROFS") throw refusedWrite(error);
    throw new AppError("STATE_UNSAFE", `the directory ${path} can not be made`, { facts: { path }, cause: error });
  }
  await checkPrivateDir(path, options);
}

/** Not `recursive`: where making a directory beneath an existing one is answered ENOENT, as in /proc, that never ends. */
async function makeDirectories(path: string): Promise<void> {
  if (await made(path)) return;
  await makeDirectories(dirname(path));
  if (!(await made(path))) throw new AppError("STATE_UNSAFE", `${dirname(path)} takes no directories`);
}

/** False when what is above it is not there either. */
async function made(path: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (error) {
    if (isMissing(error) && dirname(path) !== path) return false;
    if (errnoOf(error) !== "EEXIST") throw error;
    return true;
  }
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
