/** The text of a configuration file, read with care: it may have come with a repository, and be anything. */
import { constants, type FileHandle, lstat, open } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";

export type ReadText = {
  /** bytes; a greater file is refused */
  readonly max: number;
  /** a link would lead to what its maker chose */
  readonly followLinks: boolean;
};

export type OwnedText = { readonly text: string; readonly uid: number };

const MISSING = new Set(["ENOENT", "ENOTDIR"]);

/** Undefined when there is none. A pipe or device is never waited for. */
export async function readText(path: string, { max, followLinks }: ReadText): Promise<OwnedText | undefined> {
  let file: FileHandle;
  try {
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;
    file = await open(path, O_RDONLY | O_NONBLOCK | (followLinks ? 0 : O_NOFOLLOW));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    if (MISSING.has(code) || (code === "EACCES" && !(await isThere(path)))) return undefined;
    if (code === "ELOOP" && !followLinks) throw new AppError("CONFIG_INVALID", `${path} is a link`);
    throw new AppError("FILE_UNREADABLE", `${path} can not be read (${code})`, { facts: { path }, cause: error });
  }
  await using opened = file;
  const { size, uid, isRegular } = await about(opened);
  if (!isRegular) throw new AppError("CONFIG_INVALID", `${path} is not a regular file`, { facts: { path } });
  if (size > max) {
    const message = `${path} has ${size} bytes, a configuration has at most ${max}`;
    throw new AppError("CONFIG_INVALID", message, { facts: { path, bytes: size, max } });
  }
  return { text: decode(await readUpTo(opened, max), path), uid };
}

/** In a directory that is closed to us, as after a change of user, nothing is ours. */
async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  );
}

async function about(file: FileHandle): Promise<{ size: number; uid: number; isRegular: boolean }> {
  const stats = await file.stat();
  return { size: stats.size, uid: stats.uid, isRegular: stats.isFile() };
}

/** It may grow while it is read. */
async function readUpTo(file: FileHandle, max: number): Promise<Buffer> {
  const buffer = Buffer.alloc(max);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, length, max - length, length);
    length += bytesRead;
    if (bytesRead === 0 || length === max) return buffer.subarray(0, length);
  }
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new AppError("CONFIG_INVALID", `${path} is not UTF-8`, { facts: { path }, cause });
  }
}
