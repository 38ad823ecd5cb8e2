/** Machines as clients see them: what there is, what is made, and what becomes of those that end by themselves. */
import type { CreateParams, VmView } from "@banger/contract/daemon/vm";
import { AppError, describeChain } from "@banger/contract/errors";
import type { OperationId, VmId } from "@banger/contract/ids";
import type { Actors } from "@banger/platform/actor";
import type * as z from "zod";
import type { OperationRegistry } from "../operation/operation-registry.ts";
import { createVm } from "./create-vm.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { findMachine } from "./find-machine.ts";
import { guestEnded } from "./guest-failure.ts";
import { type HeldGuests, VMM_SILENT } from "./held-guests.ts";
import { isUp } from "./lifecycle.ts";
import { machineFiles } from "./machine-files.ts";
import type { NewMachine } from "./new-machine.ts";
import { notRunning } from "./not-running.ts";
import { stopVm } from "./stop-vm.ts";
import type { Turns } from "./turns.ts";
import type { Machine } from "./vm-store.ts";
import { vmView } from "./vm-view.ts";

export type VmServiceDeps = VmDeps & {
  readonly newMachine: NewMachine;
  readonly newId: () => VmId;
  readonly operations: OperationRegistry;
  readonly actors: Actors;
  readonly turns: Turns;
  readonly held: Pick<HeldGuests, "look">;
  /** deletes a machine whose maker has gone */
  readonly abandoned: (id: VmId) => void;
};

export class VmService {
  readonly #deps: VmServiceDeps;
  /** why the machine that was watched is gone: a failure, or undefined for a power-off of its own */
  readonly #ends = new WeakMap<LiveMachine, Promise<AppError | undefined>>();

  constructor(deps: VmServiceDeps) {
    this.#deps = deps;
  }

  list(): readonly VmView[] {
    return this.#deps.store.list().map((machine) => vmView(this.#deps, machine));
  }

  /** How many run and are not kept yet. */
  get provisional(): number {
    return this.#deps.store.list().filter(({ state, complete }) => !complete && isUp(state)).length;
  }

  show(ref: string): VmView {
    return vmView(this.#deps, this.find(ref));
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

  /** What references mean among the machines that there are now. */
  idOf(): (ref: string) => VmId {
    const machines = this.#deps.store.list();
    return (ref) => findMachine(machines, ref).record.id;
  }

  /** A running machine, for what needs its agent. Throws VM_NOT_RUNNING or VM_PAUSED. */
  live(ref: string): { machine: Machine; live: LiveMachine } {
    const machine = this.find(ref);
    const live = this.#deps.live.get(machine.record.id);
    if (live && machine.state === "running") return { machine, live };
    throw notRunning(machine.record.name, machine.state);
  }

  create(params: z.output<typeof CreateParams>, owner?: AbortSignal): OperationId {
    const id = this.#deps.newId();
    const { operations, turns } = this.#deps;
    const subject = params.name ?? "a new machine";
    return operations.begin({ kind: "vm.create", subject, ...(owner && { owner }) }, async (context) => {
      await turns.exclusively(id, { request: "start", context }, () =>
        createVm(this.#deps, params, { ...context, id }),
      );
      this.watch(id);
      if (params.provisional && owner) this.#goesWith(owner, id);
      return this.show(id);
    });
  }

  /** It is no longer its maker's alone. One that is on its way out goes. */
  keep(ref: string): VmView {
    const { record, state, complete } = this.find(ref);
    if (!complete && isUp(state)) this.#deps.store.update(record.id, { complete: true });
    return this.show(record.id);
  }

  #goesWith(owner: AbortSignal, id: VmId): void {
    const gone = () => {
      if (this.#deps.store.get(id)?.complete === false) this.#deps.abandoned(id);
    };
    if (owner.aborted) gone();
    else owner.addEventListener("abort", gone, { once: true });
  }

  /** A guest that powers itself off, and a VMM that dies, are told by the end of the VMM. */
  watch(id: VmId): void {
    const live = this.#deps.live.get(id);
    if (!live) return;
    const { record, lastError } = this.#deps.store.mustGet(id);
    if (lastError?.code === VMM_SILENT.code) this.#deps.held.look(id, live); // it was adopted so
    const files = machineFiles(this.#deps.machines, id);
    this.#ends.set(
      live,
      live.process.exited.then(async (exit) => {
        const now = this.#deps.store.get(id)?.record ?? record; // it may have another name by now
        const failure = await guestEnded({ record: now, files }, exit);
        return failure && record.ephemeral ? goneWithConsole(failure) : failure;
      }),
    );
    void live.process.exited.then(() => this.#deps.actors.run(id, () => this.#ended(id, live)));
    // Its commands may have gone with it; whoever waits for one is told by the channel.
    live.guest.subscribe({
      restarted: () => this.#deps.log.warn("the guest's agent began anew", { machine: id }),
      stalled: () => this.#deps.held.look(id, live),
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
      const { record } = this.#deps.store.mustGet(id);
      const failure = await this.#ends.get(live);
      live.guest.destroy(failure ?? poweredOff(record.name));
      await stopVm(this.#deps, id, { graceMs: 0 });
      if (!failure || record.ephemeral) return;
      const { code, message } = failure;
      this.#deps.store.observe(id, { state: "failed", lastError: { code, message } });
    } catch (error) {
      this.#deps.log.error("machine ended and was not cleaned up", { machine: id, error: describeChain(error) });
    }
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
