/**
 * A host that does not take what we write, told in the same words and with the same codes whatever it was: no space, a file system
 * that is read-only, a file that is somebody else's or immutable. It is the host's trouble and never a bug.
 */
import { AppError } from "@banger/contract/errors";
import { errnoOf, isOutOfSpace } from "./errno.ts";

/** Undefined for any other failure. `path` is what was written to, for failures that name none themselves. */
export function refusedWrite(error: unknown, path?: string): AppError | undefined {
  if (AppError.is(error)) return undefined;
  const errno = errnoOf(error);
  const named = pathOf(error) ?? path;
  const facts = { ...(named !== undefined && { path: named }), ...(errno !== undefined && { errno }) };
  if (isOutOfSpace(error)) {
    return new AppError("DISK_FULL", `no space left for ${named ?? "a file"}`, { facts, cause: error });
  }
  if (errno === "EROFS") {
    const message = `${named ?? "a file"} can not be written: its file system is read-only`;
    return new AppError("STATE_UNWRITABLE", message, { facts, cause: error });
  }
  // What names no file may be of a process or a socket.
  if ((errno !== "EACCES" && errno !== "EPERM") || named === undefined) return undefined;
  const call = error instanceof Error && "syscall" in error ? `${String(error.syscall)} of ` : "";
  return new AppError("STATE_UNWRITABLE", `${call}${named} is not permitted (${errno})`, { facts, cause: error });
}

/** A listening socket's is its address. */
function pathOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { path, address } = error as NodeJS.ErrnoException & { address?: unknown };
  return [path, address].find((name): name is string => typeof name === "string" && name.startsWith("/"));
}
