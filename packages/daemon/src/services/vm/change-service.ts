/** What machines are to be, changed while they exist. Each change has its turn, so that none is made over another's record. */
import type { VmView } from "@banger/contract/daemon/vm";
import type { VmName } from "@banger/contract/names";
import { type Changes, changeVm } from "./change-vm.ts";
import type { VmDeps } from "./deps.ts";
import type { Host } from "./new-machine.ts";
import type { Turns } from "./turns.ts";
import { viewOf } from "./vm-view.ts";

export type ChangeServiceDeps = VmDeps & { readonly host: Host; readonly turns: Turns };

type Waiting = { readonly signal: AbortSignal };

export class ChangeService {
  readonly #deps: ChangeServiceDeps;

  constructor(deps: ChangeServiceDeps) {
    this.#deps = deps;
  }

  async rename(ref: string, name: VmName, waiting: Waiting): Promise<VmView> {
    return await this.set(ref, { name }, waiting);
  }

  async set(ref: string, changes: Changes, { signal }: Waiting): Promise<VmView> {
    return await this.#deps.turns.inTurn(ref, { signal }, async (id) => {
      await changeVm(this.#deps, id, { changes, signal });
      return viewOf(this.#deps, id);
    });
  }
}
