/** The operations of the fake daemon: begun, followed, cancelled as the real ones, in memory. */
import type { OperationKind, OperationView } from "@banger/contract/daemon/operation";
import { AppError } from "@banger/contract/errors";
import { OperationId } from "@banger/contract/ids";
import { NOW, newId } from "./sample-views.ts";

type Entry = {
  view: OperationView;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly listeners: Set<() => void>;
};

export class OperationsFake {
  readonly #entries = new Map<string, Entry>();

  get views(): readonly OperationView[] {
    return [...this.#entries.values()].map(({ view }) => view);
  }

  get running(): number {
    return this.views.filter(({ state }) => state === "running").length;
  }

  begin(
    kind: OperationKind,
    subject: string,
    work: (signal: AbortSignal) => Promise<unknown>,
    id = OperationId.parse(newId()),
  ): { operation: OperationId } {
    const abort = new AbortController();
    const stage = { name: kind, startMs: 0, durationMs: null };
    const { promise, resolve } = Promise.withResolvers<void>();
    const entry: Entry = {
      view: { ...{ id, kind, subject, state: "running", startedAt: NOW, durationMs: null, stages: [stage] } },
      ...{ abort, ended: promise, listeners: new Set() },
    };
    this.#entries.set(id, entry);
    const end = (outcome: Partial<OperationView>) => {
      entry.view = { ...entry.view, durationMs: 5, stages: [{ ...stage, durationMs: 5 }], ...outcome };
      for (const listener of entry.listeners) listener();
      resolve();
    };
    work(abort.signal).then(
      (result) => end({ state: "done", result }),
      (error: AppError) => {
        const { code, message, hint, facts } = error;
        end({ state: code === "CANCELLED" ? "cancelled" : "failed", error: { code, message, hint, facts } });
      },
    );
    return { operation: id };
  }

  async wait(id: OperationId, progress: (view: unknown) => void): Promise<OperationView> {
    const entry = this.#find(id);
    entry.listeners.add(() => progress(entry.view));
    progress(entry.view);
    await entry.ended;
    return entry.view;
  }

  /** resolves when all have ended */
  async settled(): Promise<void> {
    await Promise.all([...this.#entries.values()].map(({ ended }) => ended));
  }

  status(id: OperationId): OperationView {
    return this.#find(id).view;
  }

  cancel(id: OperationId): OperationView {
    this.#find(id).abort.abort(new AppError("CANCELLED", "it was cancelled"));
    return this.status(id);
  }

  #find(id: OperationId): Entry {
    const found = this.#entries.get(id);
    if (found) return found;
    throw new AppError("OPERATION_NOT_FOUND", `there is no operation ${id}`);
  }
}
