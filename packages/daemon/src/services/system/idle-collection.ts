/**
 * Gives memory back when the daemon has nothing to do. V8 collects old objects only when many have gathered, so what a
 * hundred commands leave behind would stay until the next hundred.
 */
import type { Clock } from "@banger/platform/time/clock";

const LOOK_MS = 2_000;
/** of the time between two looks in which the event loop did anything */
const IDLE_SHARE = 0.05;
/** since the last collection; less leaves nothing that is worth one, `ms` */
const WORTH_MS = 50;

export type IdleCollection = {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** how long the event loop has worked since the process began, `ms` */
  readonly workedMs: () => number;
  readonly collect: () => void;
};

/** Runs until the signal is aborted. */
export async function collectWhenIdle({ clock, signal, workedMs, collect }: IdleCollection): Promise<void> {
  let collected = 0;
  for (let before = workedMs(); !signal.aborted; before = workedMs()) {
    await clock.sleep(LOOK_MS, { signal }).catch(() => undefined);
    const worked = workedMs();
    if (signal.aborted || worked - before > LOOK_MS * IDLE_SHARE || worked - collected < WORTH_MS) continue;
    collect();
    collected = workedMs();
  }
}
