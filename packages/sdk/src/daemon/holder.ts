/** Which daemon holds a state directory, from what it has written there. Only what lies in directories of ours is believed. */
import { readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HOLDER_FILE } from "@banger/contract/daemon/file-names";
import { DaemonHolder } from "@banger/contract/daemon/holder";
import { AppError } from "@banger/contract/errors";
import { checkPrivateDir } from "@banger/platform/fs/private-dir";
import type { DaemonPlaces } from "./places.ts";

export async function readHolder(places: DaemonPlaces): Promise<DaemonHolder | undefined> {
  try {
    await checkPrivateDir(places.state);
    return DaemonHolder.parse(JSON.parse(await readFile(join(places.state, HOLDER_FILE), "utf8")));
  } catch {
    return undefined; // none, or none that can be believed; whoever makes the directories tells what is wrong with them
  }
}

/** Where a daemon that holds our state serves, if that is not where we would look. */
export async function otherSocket(places: DaemonPlaces): Promise<string | undefined> {
  const holder = await readHolder(places);
  if (!holder || holder.socket === places.socket) return undefined;
  const safe = await checkPrivateDir(dirname(holder.socket)).then(
    () => true,
    () => false,
  );
  return safe ? holder.socket : undefined;
}

/** Why this daemon is not the one of our state; undefined if it is. Two names may lead to one directory. */
export async function servesOther(
  { state }: { readonly state?: string },
  places: DaemonPlaces,
): Promise<AppError | undefined> {
  if (state === undefined) return undefined; // it is older, and does not tell
  const [theirs, ours] = await Promise.all([state, places.state].map((path) => stat(path).catch(() => undefined)));
  if (theirs && ours && theirs.dev === ours.dev && theirs.ino === ours.ino) return undefined;
  const { socket, state: wanted } = places;
  return new AppError("STATE_OTHER", `the daemon at ${socket} keeps its machines in ${state}, not in ${wanted}`, {
    facts: { socket, state, wanted },
  });
}

export function heldBy({ pid, socket }: DaemonHolder, { state }: DaemonPlaces): AppError {
  return new AppError(
    "STATE_LOCKED",
    `${state} is held by the daemon with pid ${pid}, and its socket ${socket} does not answer`,
    {
      facts: { state, pid, socket },
      hint: "If its runtime directory went away with a login, end that process; machines keep running.",
    },
  );
}
