/**
 * One registry for operations of all kinds: begin, status, wait, cancel by id from any client; a bounded history.
 *
 * An operation belongs to the connection that began it until it is detached: a client that goes away cancels it.
 */
import type { OperationKind, OperationView } from "@banger/contract/daemon/operation";
import { AppError, describeChain } from "@banger/contract/errors";
import type { OperationId } from "@banger/contract/ids";
import type { Logger } from "@banger/platform/log";
import type { Clock } from "@banger/platform/time/clock";
import { raceAbort } from "@banger/platform/time/deadline";
import { type OnStage, Operation } from "./operation.ts";
import { paced } from "./paced.ts";

export type OperationContext = {
  readonly id: OperationId;
  readonly signal: AbortSignal;
  readonly onStage: OnStage;
  /** the name of what it is about, once there is one */
  readonly named: (subject: string) => void;
  readonly log: Logger;
};
export type OperationDeps = { readonly clock: Clock; readonly newId: () => OperationId; readonly log: Logger };

/** finished operations that are remembered */
const HISTORY = 200;
/** a start gives its undoing 30 s, and what a build leaves is swept by the next daemon, `ms` */
const UNDO_MS = 90_000;
/** byte counts change with every chunk; nobody reads faster, `ms` */
const PROGRESS_MS = 100;

export class OperationRegistry {
  readonly #deps: OperationDeps;
  readonly #operations = new Map<OperationId, { readonly operation: Operation; readonly ended: Promise<void> }>();

  readonly #disowners = new Map<OperationId, () => void>();

  constructor(deps: OperationDeps) {
    this.#deps = deps;
  }

  /** Starts `work` at once and returns its operation's id; `owner` aborting cancels it unless it was detached. */
  begin(
    what: { kind: OperationKind; subject: string; owner?: AbortSignal },
    work: (context: OperationContext) => Promise<unknown>,
  ): OperationId {
    const operation = new Operation({
      id: this.#deps.newId(),
      kind: what.kind,
      subject: what.subject,
      clock: this.#deps.clock,
    });
    const log = this.#deps.log.child({ operation: operation.id, kind: what.kind, subject: what.subject });
    const disown = own(operation, what.owner);
    this.#disowners.set(operation.id, disown);
    const named = (subject: string) => {
      operation.subject = subject;
    };
    const { id, signal } = operation;
    const context = { id, signal, onStage: operation.stage.bind(operation), named, log };
    const ended = this.#follow(operation, () => work(context), log).finally(() => {
      disown();
      this.#disowners.delete(operation.id);
    });
    this.#operations.set(operation.id, { operation, ended });
    return operation.id;
  }

  get running(): number {
    return this.#all().filter((operation) => operation.running).length;
  }

  list(): readonly OperationView[] {
    return this.#all().map((operation) => operation.view());
  }

  status(id: OperationId): OperationView {
    return this.#find(id).operation.view();
  }

  detach(id: OperationId): void {
    this.#find(id);
    this.#disowners.get(id)?.();
  }

  cancel(id: OperationId, why: string): OperationView {
    const { operation } = this.#find(id);
    operation.cancel(why);
    return operation.view();
  }

  /** Resolves when it has ended, however it did. */
  async wait(
    id: OperationId,
    options: { signal: AbortSignal; onChange?: (view: OperationView) => void },
  ): Promise<OperationView> {
    const { operation, ended } = this.#find(id);
    const { clock } = this.#deps;
    using pace = paced(() => options.onChange?.(operation.view()), { clock, everyMs: PROGRESS_MS });
    using _ = operation.onChange((change) => pace.changed({ urgent: change === "stage" }));
    pace.changed({ urgent: true });
    await raceAbort(ended, options.signal);
    return operation.view();
  }

  /** Cancels what runs and waits until each has undone its work; what hangs is left to the next daemon, and told. */
  async close(): Promise<void> {
    for (const { operation } of this.#operations.values()) operation.cancel("the daemon is stopping");
    const all = Promise.all([...this.#operations.values()].map(({ ended }) => ended)).then(() => "ended" as const);
    const over = new AbortController();
    const late = this.#deps.clock.sleep(UNDO_MS, { signal: over.signal }).then(
      () => "late" as const,
      () => "ended" as const,
    );
    if ((await Promise.race([all, late])) === "late") {
      const left = this.#all().filter((operation) => operation.running);
      const operations = left.map(({ id, kind, subject }) => `${kind} of ${subject} (${id})`);
      this.#deps.log.error("operations had not undone their work in time", { waitedMs: UNDO_MS, operations });
    }
    over.abort(new Error("all operations have ended"));
  }

  async #follow(operation: Operation, work: () => Promise<unknown>, log: Logger): Promise<void> {
    log.info("operation begun", {});
    try {
      operation.succeed(await work());
      log.info("operation done", { stages: operation.view().stages });
    } catch (error) {
      operation.fail(error);
      log.warn("operation ended early", { state: operation.view().state, error: describeChain(error) });
    }
    this.#prune();
  }

  #prune(): void {
    const finished = this.#all().filter((operation) => !operation.running);
    for (const operation of finished.slice(0, Math.max(0, finished.length - HISTORY)))
      this.#operations.delete(operation.id);
  }

  #all(): readonly Operation[] {
    return [...this.#operations.values()].map(({ operation }) => operation);
  }

  #find(id: OperationId): { readonly operation: Operation; readonly ended: Promise<void> } {
    const found = this.#operations.get(id);
    if (found) return found;
    throw new AppError("OPERATION_NOT_FOUND", `there is no operation ${id}`, { facts: { operation: id } });
  }
}

function own(operation: Operation, owner: AbortSignal | undefined): () => void {
  const onGone = () => operation.cancel("its client went away");
  if (owner?.aborted) onGone();
  else owner?.addEventListener("abort", onGone, { once: true });
  return () => owner?.removeEventListener("abort", onGone);
}
