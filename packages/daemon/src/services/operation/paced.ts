/**
 * Tells of changes at a bearable pace: what matters at once, mere progress so often and no oftener, and the last of it
 * always. Made for one listener; it knows nothing of what changes.
 */
import type { Clock } from "@banger/platform/time/clock";

export type Paced = Disposable & {
  /** an urgent change is told at once, with all that was held back before it */
  changed(options: { urgent: boolean }): void;
};

export function paced(tell: () => void, { clock, everyMs }: { clock: Clock; everyMs: number }): Paced {
  let toldAt = Number.NEGATIVE_INFINITY;
  let held: AbortController | undefined;
  const now = () => {
    held?.abort();
    held = undefined;
    toldAt = clock.monotonic();
    tell();
  };
  const later = (ms: number) => {
    const mine = new AbortController();
    held = mine;
    // It may have been told just as the clock rang; an abort, the only way to reject, says so too.
    const ring = () => held === mine && now();
    clock.sleep(ms, { signal: mine.signal }).then(ring, () => undefined);
  };
  return {
    changed({ urgent }) {
      const waitMs = toldAt + everyMs - clock.monotonic();
      if (urgent || waitMs <= 0) now();
      else if (!held) later(waitMs);
    },
    [Symbol.dispose]() {
      held?.abort();
      held = undefined;
    },
  };
}
