/** Unix socket paths have a hard limit in the kernel, 107 bytes; we stay below it with room for a suffix. */
import { AppError } from "@banger/contract/errors";

export const MAX_SOCKET_PATH_BYTES = 100;

/** The path itself, or PATH_TOO_LONG. */
export function socketPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_SOCKET_PATH_BYTES) return path;
  throw new AppError("PATH_TOO_LONG", `socket path ${path} has ${bytes} bytes, ${MAX_SOCKET_PATH_BYTES} are allowed`, {
    facts: { path, bytes, maxBytes: MAX_SOCKET_PATH_BYTES },
  });
}
