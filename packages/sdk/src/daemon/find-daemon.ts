/** Connects to the user's daemon if it runs, and never starts one. */
import { dirname } from "node:path";
import type { Build } from "@banger/contract/daemon/system";
import { AppError } from "@banger/contract/errors";
import { isMissing } from "@banger/platform/fs/errno";
import { checkPrivateDir } from "@banger/platform/fs/private-dir";
import { type BangerClient, connectDaemon } from "../client.ts";
import type { DaemonPlaces } from "./places.ts";

export type FindOptions = {
  readonly places: DaemonPlaces;
  readonly build: Build;
  readonly signal?: AbortSignal | undefined;
};

/** Undefined when none answers, STATE_OTHER when the one where we look has other machines than ours. A daemon of another protocol is connected to: its frozen methods can be called. */
export async function findDaemon(options: FindOptions): Promise<BangerClient | undefined> {
  const here = await answering(options);
  if (here && here.peer.state === options.places.state) return here;
  // Loaded when there is none where we look first, which is seldom.
  const { otherSocket, servesOther } = await import("./holder.ts");
  const other = here && (await servesOther(here.peer, options.places));
  if (here && !other) return here;
  here?.close();
  const socket = await otherSocket(options.places);
  if (socket !== undefined) {
    const there = await answering({ ...options, places: { ...options.places, socket, runtime: dirname(socket) } });
    if (there) return there;
  }
  if (other) throw other;
  return undefined;
}

async function answering(options: FindOptions): Promise<BangerClient | undefined> {
  const { places, build, signal } = options;
  try {
    // The fallback lies in /tmp, where anybody may have made it first: what answers there must be ours.
    await checkPrivateDir(places.runtime);
    return await connectDaemon({ socket: places.socket, build, onMismatch: "accept", signal });
  } catch (error) {
    if (isMissing(error) || AppError.is(error, "DAEMON_UNREACHABLE")) return undefined;
    throw error;
  }
}
