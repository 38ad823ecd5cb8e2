/**
 * Time as a dependency: what waits or stamps takes a Clock, so that a test can own the hour.
 *
 * Sleeping is for pacing and deadlines only, never for guessing that something else has happened.
 */
import { setTimeout as delay } from "node:timers/promises";

export type Clock = {
  /** wall clock, `ms` since 1970 */
  now(): number;
  /** never goes back, `ms` from an arbitrary zero */
  monotonic(): number;
  /** rejects with the signal's reason when it is aborted first */
  sleep(ms: number, options: { signal?: AbortSignal }): Promise<void>;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, { signal }) {
    try {
      await delay(ms, undefined, signal ? { signal } : {});
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    }
  },
};
