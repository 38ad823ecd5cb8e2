/**
 * Waiting that outlives the daemon: when that goes away, the next one is asked. It knows as much, because states and ends of
 * commands are on disk.
 */
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { WaitResult } from "@banger/contract/daemon/wait";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "./client.ts";

export type WaitOptions = {
  /** ends the waiting */
  readonly signal?: AbortSignal;
  /** a connection to the next daemon; without it, a lost one ends the waiting */
  readonly reach?: () => Promise<BangerClient>;
  /** of a clock that never goes back, `ms` */
  readonly monotonic?: () => number;
};

/** daemons that may go away while somebody waits; more is a daemon that does not live */
const MAX_DAEMONS = 20;

export async function waitVm(
  first: BangerClient,
  params: InputOf<DaemonMethods, "vm.wait">,
  { signal, reach, monotonic = () => performance.now() }: WaitOptions = {},
): Promise<WaitResult> {
  const { timeoutMs, ...asked } = params;
  const begun = monotonic();
  let client = first;
  for (let daemons = 1; ; daemons += 1) {
    const left =
      timeoutMs === undefined ? {} : { timeoutMs: Math.max(0, Math.round(timeoutMs - (monotonic() - begun))) };
    try {
      return await client.call("vm.wait", { ...asked, ...left }, { signal });
    } catch (error) {
      const lost = AppError.is(error, "DAEMON_UNREACHABLE") && !signal?.aborted;
      if (!lost || !reach || daemons === MAX_DAEMONS) throw error;
      client = await reach();
    }
  }
}
