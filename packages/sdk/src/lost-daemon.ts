/** What outlives a connection to the daemon: that it was lost is told from a failure, and the next daemon is asked to go on. */
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import type { BangerClient } from "./client.ts";

/** A connection to whichever daemon there is. */
export type Reconnect = (options: { signal: AbortSignal }) => Promise<BangerClient>;

type TakeUp<T> = (client: BangerClient, options: { signal: AbortSignal }) => Promise<T>;

/** how long daemons may follow upon each other without one that goes on, `ms` */
const RESUME_MS = 60_000;
/** daemons that go away, too, before they go on with it */
const MAX_TRIES = 5;

/** When all was read of a connection. Throws what the daemon failed with. */
export async function throwUnlessLost(mux: Mux): Promise<void> {
  const reason = await mux.closed.catch((error: unknown) => error);
  if (reason !== undefined && !AppError.is(reason, "DAEMON_UNREACHABLE")) throw reason;
}

/** The daemon that comes next may go away, too. */
export async function withNextDaemon<T>(
  reconnect: Reconnect,
  takeUp: TakeUp<T>,
  { signal }: { signal: AbortSignal },
): Promise<T> {
  const late = AbortSignal.any([signal, AbortSignal.timeout(RESUME_MS)]);
  for (let tries = 1; ; tries += 1) {
    try {
      return await takeUp(await reconnect({ signal: late }), { signal: late });
    } catch (error) {
      signal.throwIfAborted();
      if (late.aborted || tries === MAX_TRIES || !AppError.is(error, "DAEMON_UNREACHABLE")) throw error;
    }
  }
}
