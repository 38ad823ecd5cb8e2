/**
 * Undoes a half-finished operation in reverse order unless it is committed.
 *
 * Undo never sees the request's signal: the usual reason for unwinding is that the request was cancelled. It gets a
 * deadline of its own, and one failing undo neither stops the others nor replaces the first cause.
 */
import { raceAbort, startDeadline } from "./time/deadline.ts";

export type Undo = (signal: AbortSignal) => Promise<void>;
export type Leak = { readonly step: string; readonly error: unknown };

export class Rollback implements AsyncDisposable {
  readonly #undos: Array<{ readonly step: string; readonly undo: Undo }> = [];
  readonly #leaks: Leak[] = [];
  readonly #budgetMs: number;
  readonly #onLeak: (leak: Leak) => void;
  #state: "open" | "committed" | "undone" = "open";

  /** `onLeak` hears of each undo that failed: report it beside the first cause, and leave the rest to the sweep. */
  constructor(options: { budgetMs: number; onLeak?: (leak: Leak) => void }) {
    this.#budgetMs = options.budgetMs;
    this.#onLeak = options.onLeak ?? (() => undefined);
  }

  /** For a step that either happens or does not: its undo is armed once it has. */
  async step<T>(
    name: string,
    run: () => Promise<T>,
    undo: (made: T, signal: AbortSignal) => Promise<void>,
  ): Promise<T> {
    const made = await run();
    this.#undos.push({ step: name, undo: (signal) => undo(made, signal) });
    return made;
  }

  /** For a step that can stop halfway: arm its idempotent undo before it starts. */
  guard(name: string, undo: Undo): void {
    this.#undos.push({ step: name, undo });
  }

  commit(): void {
    if (this.#state === "open") this.#state = "committed";
  }

  /** What could not be undone, known after disposal. */
  get leaks(): readonly Leak[] {
    return this.#leaks;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "open") return;
    this.#state = "undone";
    using deadline = startDeadline(undefined, { ms: this.#budgetMs, what: "the rollback" });
    for (const { step, undo } of this.#undos.splice(0).reverse()) {
      try {
        await raceAbort(undo(deadline.signal), deadline.signal);
      } catch (error) {
        const leak = { step, error };
        this.#leaks.push(leak);
        this.#onLeak(leak);
      }
    }
  }
}
