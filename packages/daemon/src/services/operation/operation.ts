/** One operation: its stages as they happen, how it ended, and who wants to know. */
import type { OperationKind, OperationView, Stage } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import type { OperationId } from "@banger/contract/ids";
import type { Clock } from "@banger/platform/time/clock";
import { errorView } from "./error-view.ts";

/** What a piece of long work tells: a new name ends the stage before it. */
export type StageReport = {
  readonly name: string;
  readonly doneBytes?: number;
  readonly totalBytes?: number;
  readonly note?: string;
};
export type OnStage = (stage: StageReport) => void;
/** `progress` is one tick among many; whoever is told of it may wait for the next */
export type Change = "stage" | "progress";

type Outcome = Pick<OperationView, "state" | "result" | "error" | "durationMs">;

export class Operation {
  readonly id: OperationId;
  readonly kind: OperationKind;
  /** what is made may have no name yet */
  subject: string;
  readonly #clock: Clock;
  readonly #startedAt: Date;
  readonly #startMs: number;
  readonly #abort = new AbortController();
  readonly #stages: Stage[] = [];
  readonly #listeners = new Set<(change: Change) => void>();
  #outcome: Outcome = { state: "running", durationMs: null };

  constructor(options: { id: OperationId; kind: OperationKind; subject: string; clock: Clock }) {
    this.id = options.id;
    this.kind = options.kind;
    this.subject = options.subject;
    this.#clock = options.clock;
    this.#startedAt = new Date(options.clock.now());
    this.#startMs = options.clock.monotonic();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get running(): boolean {
    return this.#outcome.state === "running";
  }

  stage(report: StageReport): void {
    const current = this.#stages.at(-1);
    if (current?.name === report.name && current.durationMs === null) {
      Object.assign(current, report);
      this.#changed("progress");
      return;
    }
    this.#endStage();
    this.#stages.push({ ...report, startMs: this.#elapsed(), durationMs: null });
    this.#changed("stage");
  }

  cancel(why: string): void {
    this.#abort.abort(new AppError("CANCELLED", why));
  }

  succeed(result: unknown): void {
    this.#end({ state: "done", result, durationMs: this.#elapsed() });
  }

  /** Whatever an aborted operation throws on its way out, it was cancelled. */
  fail(error: unknown): void {
    const cancelled = this.signal.aborted;
    this.#end({
      state: cancelled ? "cancelled" : "failed",
      error: errorView(cancelled ? this.signal.reason : error),
      durationMs: this.#elapsed(),
    });
  }

  onChange(listener: (change: Change) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  view(): OperationView {
    return {
      id: this.id,
      kind: this.kind,
      subject: this.subject,
      startedAt: this.#startedAt.toISOString(),
      stages: this.#stages.map((stage) => ({ ...stage })),
      ...this.#outcome,
    };
  }

  #end(outcome: Outcome): void {
    this.#endStage();
    this.#outcome = outcome;
    this.#changed("stage");
    this.#listeners.clear();
  }

  #endStage(): void {
    const current = this.#stages.at(-1);
    if (current && current.durationMs === null) current.durationMs = this.#elapsed() - current.startMs;
  }

  #elapsed(): number {
    return Math.round(this.#clock.monotonic() - this.#startMs);
  }

  #changed(change: Change): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
