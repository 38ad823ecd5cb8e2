/** Stops a machine, if it runs, and starts it: one piece of work, in which nobody else has a turn. */
import type { VmId } from "@banger/contract/ids";
import type { Booting } from "./boot.ts";
import type { VmDeps } from "./deps.ts";
import { startVm } from "./start-vm.ts";
import { deleteVm, haltVm } from "./stop-vm.ts";

/** Cancelled in between, it leaves the machine stopped; one that is deleted when it stops is deleted then. */
export async function restartVm(
  deps: VmDeps,
  id: VmId,
  { graceMs, signal, onStage }: Booting & { graceMs: number },
): Promise<void> {
  const { record, state } = deps.store.mustGet(id);
  try {
    if (state !== "stopped") {
      onStage({ name: "stop" });
      await haltVm(deps, id, { graceMs });
    }
    signal.throwIfAborted();
    await startVm(deps, id, { signal, onStage });
  } catch (error) {
    if (signal.aborted && record.ephemeral) await deleteVm(deps, id);
    throw error;
  }
}
