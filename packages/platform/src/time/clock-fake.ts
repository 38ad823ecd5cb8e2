/** A clock that stands still until the test moves it. */
import type { Clock } from "./clock.ts";

type Sleeper = { readonly at: number; readonly wake: () => void };

export class FakeClock implements Clock {
  #now: number;
  readonly #epoch: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(now = 1_700_000_000_000) {
    this.#now = now;
    this.#epoch = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#epoch;
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal }): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#sleepers.delete(sleeper);
        reject(signal?.reason);
      };
      const wake = () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** How many are asleep, for tests that wait until something has begun to wait. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Moves time on and wakes those whose hour has come, the earliest first. */
  advance(ms: number): void {
    this.#now += ms;
    const due = [...this.#sleepers].filter((s) => s.at <= this.#now).sort((a, b) => a.at - b.at);
    for (const sleeper of due) {
      this.#sleepers.delete(sleeper);
      sleeper.wake();
    }
  }
}
