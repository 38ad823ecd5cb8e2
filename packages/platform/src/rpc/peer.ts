/** Who is at the other end of a Unix socket, as the kernel tells it. */
import type { Socket } from "node:net";
import { AppError } from "@banger/contract/errors";
import type { PeerCredentials } from "../native.ts";

export type Peer = PeerCredentials;

/** Node has no public name for it, and the credentials can be asked for in no other way. */
export function socketFd(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, "_handle");
  const fd: unknown = typeof handle === "object" && handle !== null ? Reflect.get(handle, "fd") : undefined;
  if (typeof fd === "number" && fd >= 0) return fd;
  throw new AppError("CANCELLED", "the connection was closed before its peer could be checked");
}
