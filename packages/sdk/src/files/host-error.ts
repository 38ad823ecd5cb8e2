/** Failed calls on the host's files, in one line with the path as the user knows it. */
import { AppError } from "@banger/contract/errors";
import { errnoOf, isOutOfSpace } from "@banger/platform/fs/errno";

export function unreadable(path: string, error: unknown): AppError {
  return failure(`${path} can not be read`, { code: "FILE_UNREADABLE", path, error });
}

export function unwritable(path: string, error: unknown): AppError {
  return failure(`${path} can not be written`, {
    code: isOutOfSpace(error) ? "DISK_FULL" : "FILE_UNWRITABLE",
    path,
    error,
  });
}

/** Of what has no content of its own, on either side. */
export function notCopied(path: string, hint: string): AppError {
  return new AppError("FILE_UNREADABLE", `${path} is a device, a pipe or a socket`, { facts: { path }, hint });
}

function failure(
  what: string,
  { code, path, error }: { code: "FILE_UNREADABLE" | "FILE_UNWRITABLE" | "DISK_FULL"; path: string; error: unknown },
): AppError {
  if (AppError.is(error)) return error;
  const errno = errnoOf(error) ?? "unknown";
  return new AppError(code, `${what} (${errno})`, { facts: { path, errno }, cause: error });
}
