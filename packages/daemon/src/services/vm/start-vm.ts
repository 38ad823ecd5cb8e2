/** Starts a machine that exists: the run is written down first, everything after it is undone by teardown. */
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { type Booting, boot } from "./boot.ts";
import type { Prepared } from "./capability.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { machineFiles } from "./machine-files.ts";
import type { MachineRecord } from "./machine-record.ts";
import { writeManifest } from "./manifest.ts";
import { teardown } from "./teardown.ts";
import { undoing } from "./undoing.ts";
import type { LastError } from "./vm-store.ts";

export async function startVm(deps: VmDeps, id: VmId, booting: Booting): Promise<LiveMachine> {
  const { record } = deps.store.mustGet(id);
  deps.store.update(id, { state: "starting" });
  try {
    return await undoing({ name: record.name, log: deps.log }, async (rollback) => {
      const machine = await beginRun(deps, record, booting);
      rollback.guard("machine", () => teardown(deps, machine, { graceMs: 0, deleted: false }));
      const live = await boot(deps, machine, booting);
      booting.signal.throwIfAborted();
      deps.store.update(id, { state: "running", lastError: null });
      return live;
    });
  } catch (error) {
    deps.store.observe(id, endOf(error, booting.signal));
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

/** The run is durable, with the nonce that finds its VMM, before there is one. */
async function beginRun(deps: VmDeps, before: MachineRecord, { signal }: Booting): Promise<Prepared> {
  const run = {
    nonce: deps.newNonce(),
    startedAt: new Date(deps.clock.now()).toISOString(),
    accelerator: await deps.accelerator({ signal }),
    vcpus: before.vcpus,
    memoryMib: before.memoryMib,
  };
  const record = { ...before, run };
  const files = machineFiles(deps.machines, record.id);
  deps.store.update(record.id, { record });
  await writeManifest(files, record);
  return { record, files };
}
