/**
 * The queue of each machine: requests are admitted by the policy table, and executed one at a time in the order in which
 * they came. No lock is held over slow work, and no machine waits for another.
 */
import type { OperationKind } from "@banger/contract/daemon/operation";
import { AppError, describeChain } from "@banger/contract/errors";
import type { OperationId, VmId } from "@banger/contract/ids";
import type { Actors } from "@banger/platform/actor";
import type { OperationContext, OperationRegistry } from "../operation/operation-registry.ts";
import type { VmDeps } from "./deps.ts";
import { findMachine } from "./find-machine.ts";
import { admit, due, isImpatient, type VmRequest } from "./lifecycle.ts";
import { notRunning } from "./not-running.ts";
import { KILL_MS } from "./teardown.ts";
import type { Machine } from "./vm-store.ts";
import { viewOf } from "./vm-view.ts";

export type TurnsDeps = Pick<VmDeps, "store" | "live" | "driver" | "agent" | "log"> & {
  readonly operations: OperationRegistry;
  readonly actors: Actors;
};

export type Work = (id: VmId, context: OperationContext) => Promise<unknown>;
export type Asked = {
  readonly request: VmRequest;
  readonly kind: OperationKind;
  /** the operation is cancelled when it aborts, unless it was detached */
  readonly owner?: AbortSignal | undefined;
};

export class Turns {
  readonly #deps: TurnsDeps;
  /** the operation that holds or waits for a machine's queue; asked again, it is joined */
  readonly #current = new Map<VmId, { readonly request: VmRequest; readonly operation: OperationId }>();

  constructor(deps: TurnsDeps) {
    this.#deps = deps;
  }

  /** Begins the work as an operation, or joins the one that leads there already. Throws what the policy denies. */
  admit(ref: string, asked: Asked, work: Work): OperationId {
    const machine = findMachine(this.#deps.store.list(), ref);
    const { record, state } = machine;
    const { operations } = this.#deps;
    const current = this.#current.get(record.id);
    const verdict = admit(state, asked.request, current?.request);
    if (verdict.do === "deny" && verdict.because === "state") throw notRunning(record.name, state);
    if (verdict.do === "deny") throw busy(record.name, { state, current: current?.request });
    if (verdict.do === "interrupt" && current)
      operations.cancel(current.operation, `it was interrupted by ${asked.request}`);
    if (current && isImpatient(asked.request)) this.#hasten(machine, current.request);
    if (verdict.do === "join" && current) {
      operations.detach(current.operation); // it has more than one who waits for it now
      return current.operation;
    }
    const described = { kind: asked.kind, subject: record.name, ...(asked.owner && { owner: asked.owner }) };
    return operations.begin(described, (context) =>
      this.exclusively(record.id, { request: asked.request, context }, () =>
        this.#inTurn(record.id, asked.request, () => work(record.id, context)),
      ),
    );
  }

  /** For what is over in no time, and is no operation: it waits for its turn, and leaves the queue when it is given up. */
  async inTurn<T>(ref: string, { signal }: { signal: AbortSignal }, work: (id: VmId) => Promise<T>): Promise<T> {
    const { id } = findMachine(this.#deps.store.list(), ref).record;
    return await this.#deps.actors.run(id, () => work(id), { signal });
  }

  /** Runs the work when it is the machine's turn; meanwhile it is what others meet. */
  async exclusively<T>(
    id: VmId,
    { request, context }: { request: VmRequest; context: OperationContext },
    work: () => Promise<T>,
  ): Promise<T> {
    const entry = { request, operation: context.id };
    this.#current.set(id, entry);
    try {
      return await this.#deps.actors.run(id, async () => {
        context.signal.throwIfAborted();
        return await work();
      });
    } finally {
      if (this.#current.get(id) === entry) this.#current.delete(id);
    }
  }

  /** What was queued before may have changed everything: a machine that is gone has nothing left to stop or delete. */
  async #inTurn(id: VmId, request: VmRequest, work: () => Promise<unknown>): Promise<unknown> {
    const machine = this.#deps.store.get(id);
    if (!machine && GOING.has(request)) return { id };
    const { state, record } = machine ?? this.#deps.store.mustGet(id);
    const verdict = due(state, request);
    if (verdict.do === "deny") throw notRunning(record.name, state);
    return verdict.do === "nothing" ? viewOf(this.#deps, id) : await work();
  }

  /** A guest or VMM that is given time has had enough of it: the VMM is ended, and what waits for that goes on. */
  #hasten({ record }: Machine, underWay: VmRequest): void {
    const live = this.#deps.live.get(record.id);
    if (!live || !PATIENT.has(underWay)) return;
    live.guest.destroy(new AppError("VM_NOT_RUNNING", `${record.name} was stopped`));
    live.process.kill({ signal: AbortSignal.timeout(KILL_MS) }).catch((error: unknown) => {
      // What is under way ends it too, and says so if it cannot.
      this.#deps.log.warn("VMM was not ended early", { machine: record.id, error: describeChain(error) });
    });
  }
}

/** requests that may give a guest time to power off, or a VMM time to answer */
const PATIENT: ReadonlySet<VmRequest> = new Set(["stop", "restart", "reset", "pause", "resume"]);
/** requests that a machine which is gone has been granted already */
const GOING: ReadonlySet<VmRequest> = new Set(["stop", "kill", "delete"]);

const TO_BE: Record<VmRequest, string> = {
  start: "started",
  stop: "stopped",
  kill: "stopped",
  restart: "restarted",
  delete: "deleted",
  pause: "paused",
  resume: "resumed",
  reset: "reset",
};

function busy(name: string, now: { state: string; current: VmRequest | undefined }): AppError {
  const why = now.current === undefined ? `is ${now.state}` : `is to be ${TO_BE[now.current]}`;
  return new AppError("VM_BUSY", `${name} ${why}`, { facts: { machine: name, state: now.state } });
}
