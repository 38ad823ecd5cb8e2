/**
 * Work that several callers want at the same time and that runs once.
 *
 * It goes on as long as one of them still wants it: a caller that is cancelled leaves at once while others stay, and the
 * last one to leave cancels the work and waits until it has cleaned up. Progress reaches everybody.
 */
import { raceAbort } from "@banger/platform/time/deadline";

export type ProgressStage = { readonly name: string; readonly doneBytes?: number; readonly totalBytes?: number };
export type Progress = (stage: ProgressStage) => void;

type Running<T> = {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  readonly listeners: Set<Progress>;
  waiting: number;
  last: ProgressStage | undefined;
};

export class SharedWork<T> {
  readonly #running = new Map<string, Running<T>>();

  /** `start` is called only when nobody runs the work named `key` yet. */
  async join(
    key: string,
    start: (context: { signal: AbortSignal; progress: Progress }) => Promise<T>,
    { signal, progress }: { signal: AbortSignal; progress?: Progress | undefined },
  ): Promise<T> {
    signal.throwIfAborted();
    const work = await this.#find(key, start, signal);
    // A listener of its own for each caller, so that two of them may give the same function.
    const listener: Progress = (stage) => progress?.(stage);
    work.listeners.add(listener);
    if (work.last) listener(work.last);
    work.waiting += 1;
    try {
      return await raceAbort(work.result, signal);
    } finally {
      work.listeners.delete(listener);
      work.waiting -= 1;
      if (work.waiting === 0) {
        work.controller.abort(signal.reason);
        await work.result.catch(() => undefined); // told to whoever waited; here only its end counts
      }
    }
  }

  /** Work that was just given up by everybody is waited for, then begun anew. */
  async #find(
    key: string,
    start: (context: { signal: AbortSignal; progress: Progress }) => Promise<T>,
    signal: AbortSignal,
  ): Promise<Running<T>> {
    for (;;) {
      const found = this.#running.get(key);
      if (!found) return this.#begin(key, start);
      if (!found.controller.signal.aborted) return found;
      await raceAbort(
        found.result.catch(() => undefined), // told to those who waited for it
        signal,
      );
    }
  }

  #begin(key: string, start: (context: { signal: AbortSignal; progress: Progress }) => Promise<T>): Running<T> {
    const controller = new AbortController();
    const listeners = new Set<Progress>();
    const progress: Progress = (stage) => {
      work.last = stage;
      for (const listener of listeners) listener(stage);
    };
    const result = Promise.resolve()
      .then(() => start({ signal: controller.signal, progress }))
      .finally(() => this.#running.delete(key));
    result.catch(() => undefined); // told to whoever joins
    const work: Running<T> = { result, controller, listeners, waiting: 0, last: undefined };
    this.#running.set(key, work);
    return work;
  }
}
