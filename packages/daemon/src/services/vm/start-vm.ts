/** Starts a machine that exists: the run is written down first, everything after it is undone by teardown. */
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { Rollback } from "@banger/platform/rollback";
import { type Booting, boot } from "./boot.ts";
import type { Prepared } from "./capability.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { machineFiles } from "./machine-files.ts";
import { writeManifest } from "./manifest.ts";
import { teardown } from "./teardown.ts";
import type { LastError, Machine } from "./vm-store.ts";

/** Undoing a start kills a VMM and removes small files; disks stay. */
const UNDO_MS = 30_000;

export async function startVm(deps: VmDeps, id: VmId, booting: Booting): Promise<LiveMachine> {
  const machine = await beginRun(deps, id, booting);
  try {
    await using rollback = new Rollback({ budgetMs: UNDO_MS });
    rollback.guard("machine", () => teardown(deps, machine, { graceMs: 0, deleted: false }));
    const live = await boot(deps, machine, booting);
    deps.store.update(id, { state: "running", lastError: null });
    rollback.commit();
    return live;
  } catch (error) {
    deps.store.update(id, endOf(error, booting.signal));
    throw error;
  }
}

/** A start that was cancelled is no failure of the machine. */
function endOf(error: unknown, signal: AbortSignal): { state: "stopped" | "failed"; lastError: LastError | null } {
  if (signal.aborted) return { state: "stopped", lastError: null };
  const known = AppError.is(error) ? error : undefined;
  return {
    state: "failed",
    lastError: { code: known?.code ?? "INTERNAL", message: known?.message ?? "the start failed" },
  };
}

async function beginRun(deps: VmDeps, id: VmId, { signal }: Booting): Promise<Prepared> {
  const before = mustGet(deps, id);
  const run = {
    nonce: deps.newNonce(),
    startedAt: new Date(deps.clock.now()).toISOString(),
    accelerator: await deps.accelerator({ signal }),
  };
  const record = { ...before.record, run };
  const files = machineFiles(deps.machines, id);
  deps.store.update(id, { record, state: "starting" });
  await writeManifest(files, record);
  return { record, files };
}

export function mustGet(deps: Pick<VmDeps, "store">, id: VmId): Machine {
  const machine = deps.store.get(id);
  if (machine) return machine;
  throw new AppError("VM_NOT_FOUND", `there is no machine ${id}`, { facts: { ref: id } });
}
