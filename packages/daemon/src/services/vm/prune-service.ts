/**
 * What could go: machines that do not run, and what lies in quarantine. A machine is looked at again when its turn has come:
 * one that was started meanwhile stays.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Pruned, PruneItem } from "@banger/contract/daemon/prune";
import type { VmState } from "@banger/contract/daemon/vm";
import type { OperationId, VmId } from "@banger/contract/ids";
import { removeTree } from "@banger/platform/fs/remove-tree";
import { treeBytes } from "@banger/platform/fs/tree-bytes";
import { errorView } from "../operation/error-view.ts";
import type { OperationContext, OperationRegistry } from "../operation/operation-registry.ts";
import type { VmDeps } from "./deps.ts";
import { machineFiles } from "./machine-files.ts";
import { deleteVm } from "./stop-vm.ts";
import type { Turns } from "./turns.ts";
import type { Machine } from "./vm-store.ts";

export type PruneServiceDeps = VmDeps & {
  readonly turns: Turns;
  readonly operations: OperationRegistry;
  /** where directories lie that no machine owns */
  readonly quarantine: string;
};

const IDLE: ReadonlySet<VmState> = new Set(["stopped", "failed"]);

export class PruneService {
  readonly #deps: PruneServiceDeps;

  constructor(deps: PruneServiceDeps) {
    this.#deps = deps;
  }

  async list(): Promise<PruneItem[]> {
    const machines = this.#deps.store
      .list()
      .filter(isIdle)
      .map((machine) => this.#machine(machine));
    const names = await readdir(this.#deps.quarantine).catch(() => []); // nothing was ever put there
    return await Promise.all([...machines, ...names.toSorted().map((name) => this.#left(name))]);
  }

  prune(owner?: AbortSignal): OperationId {
    const what = { kind: "prune", subject: "what does not run", ...(owner && { owner }) } as const;
    return this.#deps.operations.begin(what, (context) => this.#prune(context));
  }

  /** One that can not be removed stops none of the others; cancelling stops what was not begun. */
  async #prune({ signal, onStage }: OperationContext): Promise<{ items: Pruned[] }> {
    onStage({ name: "look" });
    const found = await this.list();
    onStage({ name: "remove" });
    const removed = found.map(async (item): Promise<Pruned[]> => {
      try {
        signal.throwIfAborted();
        return (await this.#remove(item, signal)) ? [item] : [];
      } catch (error) {
        signal.throwIfAborted();
        return [{ ...item, error: errorView(error) }];
      }
    });
    return { items: (await Promise.all(removed)).flat() };
  }

  async #remove(item: PruneItem, signal: AbortSignal): Promise<boolean> {
    const { quarantine, turns } = this.#deps;
    if (item.kind === "machine") return await turns.inTurn(item.id, { signal }, (id) => this.#delete(id));
    await removeTree(join(quarantine, item.name), { under: quarantine });
    return true;
  }

  async #delete(id: VmId): Promise<boolean> {
    const machine = this.#deps.store.get(id);
    if (!machine || !isIdle(machine)) return false;
    await deleteVm(this.#deps, id);
    return true;
  }

  async #machine({ record, state }: Machine): Promise<PruneItem> {
    const { id, name, createdAt } = record;
    const diskBytes = await treeBytes(machineFiles(this.#deps.machines, id).directory);
    return { kind: "machine", id, name, state, createdAt, bytes: diskBytes };
  }

  async #left(name: string): Promise<PruneItem> {
    return { kind: "quarantine", name, bytes: await treeBytes(join(this.#deps.quarantine, name)) };
  }
}

/** What is still being made is nobody's to take away. */
function isIdle({ state, complete }: Machine): boolean {
  return complete && IDLE.has(state);
}
