/**
 * Machines as clients see them. Each request is admitted by the policy table and executed by the machine's own queue, one
 * at a time; no lock is held over slow work.
 */
import type { OperationKind } from "@banger/contract/daemon/operation";
import type { CreateParams, VmView } from "@banger/contract/daemon/vm";
import { AppError, describeChain } from "@banger/contract/errors";
import type { OperationId, VmId } from "@banger/contract/ids";
import type { Actors } from "@banger/platform/actor";
import type * as z from "zod";
import type { OperationContext, OperationRegistry } from "../operation/operation-registry.ts";
import { createVm } from "./create-vm.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { findMachine } from "./find-machine.ts";
import { guestEnded } from "./guest-failure.ts";
import { admit, due, type VmRequest } from "./lifecycle.ts";
import { machineFiles } from "./machine-files.ts";
import type { NewMachine } from "./new-machine.ts";
import { mustGet, startVm } from "./start-vm.ts";
import { deleteVm, stopVm } from "./stop-vm.ts";
import type { Machine } from "./vm-store.ts";
import { vmView } from "./vm-view.ts";

export type VmServiceDeps = VmDeps & {
  readonly newMachine: NewMachine;
  readonly newId: () => VmId;
  readonly operations: OperationRegistry;
  readonly actors: Actors;
};

type Work = (id: VmId, context: OperationContext) => Promise<unknown>;

export class VmService {
  readonly #deps: VmServiceDeps;
  /** the operation that holds or waits for a machine's queue; asked again, it is joined */
  readonly #current = new Map<VmId, { readonly request: VmRequest; readonly operation: OperationId }>();

  /** why the machine that was watched is gone: a failure, or undefined for a power-off of its own */
  readonly #ends = new WeakMap<LiveMachine, Promise<AppError | undefined>>();

  constructor(deps: VmServiceDeps) {
    this.#deps = deps;
  }

  list(): readonly VmView[] {
    return this.#deps.store.list().map((machine) => this.#view(machine));
  }

  show(ref: string): VmView {
    return this.#view(this.find(ref));
  }

  find(ref: string): Machine {
    return findMachine(this.#deps.store.list(), ref);
  }

  /** Aborts when the machine is deleted. Dispose it when nobody cares any more. */
  gone(id: VmId): Disposable & { readonly signal: AbortSignal } {
    const { store } = this.#deps;
    const abort = new AbortController();
    const look = () => {
      if (!store.get(id)) abort.abort(new AppError("VM_NOT_FOUND", `machine ${id} was deleted`));
    };
    const unsubscribe = store.subscribe(look);
    look();
    return { signal: abort.signal, [Symbol.dispose]: () => void unsubscribe() };
  }

  /** A running machine, for what needs its agent. Throws VM_NOT_RUNNING. */
  live(ref: string): { machine: Machine; live: LiveMachine } {
    const machine = this.find(ref);
    const live = this.#deps.live.get(machine.record.id);
    if (live && machine.state === "running") return { machine, live };
    throw new AppError("VM_NOT_RUNNING", `${machine.record.name} is ${machine.state}`, {
      facts: { machine: machine.record.name },
    });
  }

  create(params: z.output<typeof CreateParams>, owner?: AbortSignal): OperationId {
    const id = this.#deps.newId();
    const { operations } = this.#deps;
    const subject = params.name ?? id;
    return operations.begin({ kind: "vm.create", subject, ...(owner && { owner }) }, async (context) => {
      await this.#exclusively(id, "start", context, () => createVm(this.#deps, params, { ...context, id }));
      this.watch(id);
      return this.show(id);
    });
  }

  start(ref: string, owner?: AbortSignal): OperationId {
    return this.#admit(ref, { request: "start", kind: "vm.start", owner }, async (id, context) => {
      await startVm(this.#deps, id, context);
      this.watch(id);
      return this.show(id);
    });
  }

  stop(ref: string, options: { graceMs: number }): OperationId {
    return this.#admit(ref, { request: "stop", kind: "vm.stop" }, async (id) => {
      const { record } = mustGet(this.#deps, id);
      await stopVm(this.#deps, id, options);
      return record.ephemeral ? { id } : this.show(id);
    });
  }

  delete(ref: string): OperationId {
    return this.#admit(ref, { request: "delete", kind: "vm.delete" }, async (id) => {
      await deleteVm(this.#deps, id);
      return { id };
    });
  }

  /** A guest that powers itself off, and a VMM that dies, are told by the end of the VMM. */
  watch(id: VmId): void {
    const live = this.#deps.live.get(id);
    if (!live) return;
    const { record } = mustGet(this.#deps, id);
    const files = machineFiles(this.#deps.machines, id);
    this.#ends.set(
      live,
      live.process.exited.then(async (exit) => {
        const failure = await guestEnded({ record, files }, exit);
        return failure && record.ephemeral ? goneWithConsole(failure) : failure;
      }),
    );
    void live.process.exited.then(() => this.#deps.actors.run(id, () => this.#ended(id, live)));
    // Its commands may have gone with it; whoever waits for one is told by the channel.
    live.guest.subscribe({
      restarted: () => this.#deps.log.warn("the guest's agent began anew", { machine: id }),
      ended: ({ code, message }) => {
        if (code === "GUEST_PROTOCOL")
          this.#deps.log.error("the guest is not spoken to any more", { machine: id, message });
      },
    });
  }

  /** What cut a command off: the end of its machine is told by the machine, and not by the connection that broke. */
  async whyCut({ record }: Machine, live: LiveMachine, seen: unknown): Promise<unknown> {
    if (!AppError.is(seen, "VMM_DIED")) return seen;
    return (await this.#ends.get(live)) ?? poweredOff(record.name);
  }

  async #ended(id: VmId, live: LiveMachine): Promise<void> {
    if (this.#deps.live.get(id) !== live) return; // a stop or delete came first
    try {
      const { record } = mustGet(this.#deps, id);
      const failure = await this.#ends.get(live);
      live.guest.destroy(failure ?? poweredOff(record.name));
      await stopVm(this.#deps, id, { graceMs: 0 });
      if (!failure || record.ephemeral) return;
      const { code, message } = failure;
      this.#deps.store.update(id, { state: "failed", lastError: { code, message } });
    } catch (error) {
      this.#deps.log.error("machine ended and was not cleaned up", { machine: id, error: describeChain(error) });
    }
  }

  #admit(
    ref: string,
    what: { request: VmRequest; kind: OperationKind; owner?: AbortSignal | undefined },
    work: Work,
  ): OperationId {
    const { record, state } = this.find(ref);
    const { operations } = this.#deps;
    const current = this.#current.get(record.id);
    const verdict = admit(state, what.request, current?.request);
    if (verdict.do === "deny") throw busy(record.name, { state, current: current?.request });
    if (verdict.do === "join" && current) {
      operations.detach(current.operation); // it has more than one who waits for it now
      return current.operation;
    }
    if (verdict.do === "interrupt" && current)
      operations.cancel(current.operation, `it was interrupted by ${what.request}`);
    const described = { kind: what.kind, subject: record.name, ...(what.owner && { owner: what.owner }) };
    return operations.begin(described, (context) =>
      this.#exclusively(record.id, what.request, context, () => this.#inTurn(record.id, { ...what, context, work })),
    );
  }

  /** What was queued before may have changed everything: a machine that is gone has nothing left to stop or delete. */
  async #inTurn(id: VmId, turn: { request: VmRequest; context: OperationContext; work: Work }): Promise<unknown> {
    const { request, context, work } = turn;
    const machine = this.#deps.store.get(id);
    if (!machine && request !== "start") return { id };
    const { state } = machine ?? mustGet(this.#deps, id);
    return due(state, request).do === "nothing" ? this.show(id) : await work(id, context);
  }

  async #exclusively<T>(id: VmId, request: VmRequest, context: OperationContext, work: () => Promise<T>): Promise<T> {
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

  #view(machine: Machine): VmView {
    const { live, driver, agent } = this.#deps;
    return vmView(machine, { live: live.get(machine.record.id), driver: driver.name, agent });
  }
}

function poweredOff(name: string): AppError {
  return new AppError("VM_NOT_RUNNING", `${name} powered itself off`, { facts: { machine: name } });
}

/** The console of a machine that goes when it ends can be looked at nowhere but here. */
function goneWithConsole({ code, message, facts }: AppError): AppError {
  const hint = `The machine was deleted, as was asked for. Its console ended with: ${facts.console ?? ""}`;
  return new AppError(code, message, { facts, hint });
}

function busy(name: string, now: { state: string; current: VmRequest | undefined }): AppError {
  const why =
    now.current === undefined ? `is ${now.state}` : `is to be ${now.current === "stop" ? "stopped" : "deleted"}`;
  return new AppError("VM_BUSY", `${name} ${why}`, { facts: { machine: name, state: now.state } });
}
