/**
 * What brings machines up and down. Each request is admitted by the policy table, and has its turn in the machine's queue; asked
 * again, it is joined.
 */
import { describeChain } from "@banger/contract/errors";
import type { OperationId, VmId } from "@banger/contract/ids";
import type { VmDeps } from "./deps.ts";
import type { HeldGuests } from "./held-guests.ts";
import { pauseVm, resumeVm } from "./pause-vm.ts";
import { resetVm } from "./reset-vm.ts";
import { restartVm } from "./restart-vm.ts";
import { startVm } from "./start-vm.ts";
import { deleteVm, stopVm } from "./stop-vm.ts";
import type { Turns } from "./turns.ts";
import { viewOf } from "./vm-view.ts";

export type LifeServiceDeps = VmDeps & {
  readonly turns: Turns;
  readonly held: Pick<HeldGuests, "look">;
  /** called for each machine that has come up */
  readonly watch: (id: VmId) => void;
};

export class LifeService {
  readonly #deps: LifeServiceDeps;

  constructor(deps: LifeServiceDeps) {
    this.#deps = deps;
  }

  start(ref: string, owner?: AbortSignal): OperationId {
    return this.#deps.turns.admit(ref, { request: "start", kind: "vm.start", owner }, async (id, context) => {
      await startVm(this.#deps, id, context);
      this.#deps.watch(id);
      return viewOf(this.#deps, id);
    });
  }

  restart(ref: string, options: { graceMs: number }, owner?: AbortSignal): OperationId {
    return this.#deps.turns.admit(ref, { request: "restart", kind: "vm.restart", owner }, async (id, context) => {
      await restartVm(this.#deps, id, { ...context, ...options });
      this.#deps.watch(id);
      return viewOf(this.#deps, id);
    });
  }

  reset(ref: string, options: { graceMs: number }, owner?: AbortSignal): OperationId {
    return this.#deps.turns.admit(ref, { request: "reset", kind: "vm.reset", owner }, async (id, context) => {
      await resetVm(this.#deps, id, { ...context, ...options });
      this.#deps.watch(id);
      return viewOf(this.#deps, id);
    });
  }

  pause(ref: string, owner?: AbortSignal): OperationId {
    return this.#deps.turns.admit(ref, { request: "pause", kind: "vm.pause", owner }, async (id, context) => {
      await pauseVm(this.#deps, id, context);
      return viewOf(this.#deps, id);
    });
  }

  resume(ref: string, owner?: AbortSignal): OperationId {
    return this.#deps.turns.admit(ref, { request: "resume", kind: "vm.resume", owner }, async (id, context) => {
      await resumeVm(this.#deps, id, context);
      return viewOf(this.#deps, id);
    });
  }

  stop(ref: string, options: { graceMs: number }): OperationId {
    return this.#deps.turns.admit(ref, { request: "stop", kind: "vm.stop" }, (id) => this.#stop(id, options));
  }

  /** Whatever its guest is doing, and whoever gave it time to power off. */
  kill(ref: string): OperationId {
    return this.#deps.turns.admit(ref, { request: "kill", kind: "vm.kill" }, (id) => this.#stop(id, { graceMs: 0 }));
  }

  delete(ref: string): OperationId {
    return this.#deps.turns.admit(ref, { request: "delete", kind: "vm.delete" }, async (id) => {
      await deleteVm(this.#deps, id);
      return { id };
    });
  }

  /** With nobody who waits for it, because it was promised; somebody may have been quicker. */
  deleteIfThere(id: VmId): void {
    try {
      if (this.#deps.store.get(id)) this.delete(id);
    } catch (error) {
      this.#deps.log.warn("machine not deleted as promised", { machine: id, error: describeChain(error) });
    }
  }

  async #stop(id: VmId, options: { graceMs: number }): Promise<unknown> {
    const { record } = this.#deps.store.mustGet(id);
    await stopVm(this.#deps, id, options);
    return record.ephemeral ? { id } : viewOf(this.#deps, id);
  }
}
