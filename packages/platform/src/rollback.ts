/**
 * Undoes a half-finished operation in reverse order unless it is committed.
 *
 * Undo never sees the request's signal: the usual reason for unwinding is that the request was cancelled. It gets a
 * deadline of its own, and one failing undo neither stops the others nor replaces the first cause.
 */
import { AppError } from "@banger/contract/errors";
import { raceAbort, startDeadline } from "./time/deadline.ts";

export type Undo = (signal: AbortSignal) => Promise<void>;
export type Leak = { readonly step: string; readonly error: unknown };

type Armed = { readonly step: string; readonly undo: Undo };

export class Rollback implements AsyncDisposable {
  readonly #armed: Armed[] = [];
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
    this.#refuseWhenUndone(name);
    const made = await run();
    this.#armed.push({ step: name, undo: (signal) => undo(made, signal) });
    // A step beside us failed, and all was undone while this one ran: it goes too.
    if (this.#state === "undone") {
      await this.#undoAll();
      this.#refuseWhenUndone(name);
    }
    return made;
  }

  /** For a step that can stop halfway: arm its idempotent undo before it starts. */
  guard(name: string, undo: Undo): void {
    this.#refuseWhenUndone(name);
    this.#armed.push({ step: name, undo });
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
    await this.#undoAll();
  }

  async #undoAll(): Promise<void> {
    using deadline = startDeadline(undefined, { ms: this.#budgetMs, what: "the rollback" });
    for (let armed = this.#armed.pop(); armed; armed = this.#armed.pop()) {
      const { step, undo } = armed;
      try {
        await raceAbort(undo(deadline.signal), deadline.signal);
      } catch (error) {
        this.#leaks.push({ step, error });
        this.#onLeak({ step, error });
      }
    }
  }

  #refuseWhenUndone(step: string): void {
    if (this.#state !== "undone") return;
    throw new AppError("CANCELLED", `${step} came after the operation was undone`, { facts: { step } });
  }
}
