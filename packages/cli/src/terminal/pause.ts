/** Time between two looks at what changes by itself; never a guess that something has happened. */
import { setTimeout as delay } from "node:timers/promises";

/** Rejects with the signal's reason when that aborts first. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
