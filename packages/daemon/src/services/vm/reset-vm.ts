/**
 * Puts a machine's root disk back to its image; the work disk stays. The new disk is made beside the old one before anything is
 * stopped, so that a full host costs nothing, and takes its place in one step: at every moment the machine has one or the
 * other. A machine that was up is started again.
 */
import type { VmId } from "@banger/contract/ids";
import type { Booting } from "./boot.ts";
import type { VmDeps } from "./deps.ts";
import { isUp } from "./lifecycle.ts";
import { machineFiles } from "./machine-files.ts";
import { startVm } from "./start-vm.ts";
import { deleteVm, haltVm } from "./stop-vm.ts";
import { undoing } from "./undoing.ts";

/** Cancelled once it has stopped the machine, it leaves it so; one that is deleted when it stops is deleted then. */
export async function resetVm(deps: VmDeps, id: VmId, how: Booting & { graceMs: number }): Promise<void> {
  const { record, state } = deps.store.mustGet(id);
  const { signal } = how;
  try {
    await undoing({ name: record.name, log: deps.log }, async (rollback) => {
      how.onStage({ name: "make disk" });
      const machine = { record, files: machineFiles(deps.machines, id) };
      const applies: (() => Promise<void>)[] = [];
      for (const { name, reset } of deps.capabilities) {
        if (!reset) continue;
        rollback.guard(name, () => reset.discard(machine));
        await reset.prepare(machine, { signal });
        applies.push(() => reset.apply(machine));
      }
      if (state !== "stopped") {
        how.onStage({ name: "stop" });
        await haltVm(deps, id, how);
      }
      signal.throwIfAborted();
      for (const apply of applies) await apply();
    });
    deps.store.update(id, { state: "stopped", lastError: null });
    if (isUp(state)) await startVm(deps, id, how);
  } catch (error) {
    if (signal.aborted && record.ephemeral) await deleteVm(deps, id);
    throw error;
  }
}
