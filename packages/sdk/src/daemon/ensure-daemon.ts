/**
 * A connection to the user's daemon, which is started if it does not run, and replaced if it is of another build and has
 * nothing under way. Machines keep running through either.
 */
import { watch } from "node:fs";
import { PROTOCOL } from "@banger/contract/daemon/protocol";
import { AppError } from "@banger/contract/errors";
import { startDeadline } from "@banger/platform/time/deadline";
import type { BangerClient } from "../client.ts";
import { type FindOptions, findDaemon } from "./find-daemon.ts";
import type { DaemonPlaces } from "./places.ts";
import { sameBuild } from "./same-build.ts";
import type { DaemonProgram } from "./start-daemon.ts";

export type EnsureOptions = FindOptions & {
  readonly program: DaemonProgram;
  /** hears what a user should know and that is no failure */
  readonly onNote?: (text: string) => void;
};

const READY_MS = 30_000;
/** how long the socket of another's daemon is awaited before ours is tried again, `ms` */
const TURN_MS = 500;
/** times in a row that a state is found locked by one and the same daemon whose socket does not answer: it is lost */
const LOST_TURNS = 2;

export async function ensureDaemon(options: EnsureOptions): Promise<BangerClient> {
  using deadline = startDeadline(options.signal, { ms: READY_MS, what: "the daemon to be ready" });
  const { signal } = deadline;
  const turns = new LockedTurns();
  let mayReplace = true;
  for (;;) {
    const client = await findDaemon({ ...options, signal });
    if (client && sameBuild(client.peer.build, options.build)) return client;
    if (client && !mayReplace) return usable(client, { ...options, why: "started meanwhile" });
    if (client) {
      // Once only: two builds that are used at the same time would otherwise replace each other for ever.
      mayReplace = false;
      if (!(await stopIfIdle(client))) return usable(client, { ...options, why: "busy" });
    }
    // Loaded when there is a daemon to start, which is seldom.
    const { startDaemon } = await import("./start-daemon.ts");
    const outcome = await startDaemon(options.program, { places: options.places, signal });
    if (outcome === "locked") await turns.next(options.places, signal);
  }
}

/** A daemon that starts or goes is awaited. One that says it can be asked, and can not be, is told: waiting mends nothing. */
class LockedTurns {
  #pid: number | undefined;
  #turns = 0;

  async next(places: DaemonPlaces, signal: AbortSignal): Promise<void> {
    const { heldBy, readHolder } = await import("./holder.ts");
    const holder = await readHolder(places);
    this.#turns = holder && holder.pid === this.#pid ? this.#turns + 1 : 1;
    this.#pid = holder?.pid;
    if (holder && this.#turns > LOST_TURNS) throw heldBy(holder, places);
    await socketTurn(places, signal);
  }
}

/** True when it goes; its connection has ended then. */
async function stopIfIdle(client: BangerClient): Promise<boolean> {
  try {
    await client.call("daemon.stop", { ifIdle: true });
    await client.closed;
    return true;
  } catch (error) {
    if (AppError.is(error, "DAEMON_UNREACHABLE")) return true; // another client was quicker
    if (AppError.is(error, "DAEMON_BUSY")) return false;
    throw error;
  }
}

function usable(client: BangerClient, { build, onNote, why }: EnsureOptions & { why: string }): BangerClient {
  const { protocol, build: theirs } = client.peer;
  const which = `${theirs.version} (${theirs.commit}, built ${theirs.builtAt})`;
  if (protocol !== PROTOCOL) {
    client.close();
    throw new AppError(
      "VERSION_MISMATCH",
      `the daemon is ${which} with protocol ${protocol}, this is ${build.version} with protocol ${PROTOCOL}`,
      { hint: "Wait until its operations have ended, or run `banger daemon stop`; machines keep running." },
    );
  }
  onNote?.(`the daemon is of another build, ${which}, and ${why}: going on with it`);
  return client;
}

/** Resolves when something happens where the socket will appear, or after a while. */
async function socketTurn(places: DaemonPlaces, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const watcher = watch(places.runtime, () => resolve());
  watcher.on("error", () => resolve());
  const turn = setTimeout(resolve, TURN_MS);
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(turn);
    watcher.close();
    signal.removeEventListener("abort", onAbort);
  }
}
