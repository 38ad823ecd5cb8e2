/**
 * Makes a machine: resolve image and kernel (building or pulling what is missing, with no lock held), reserve the name in
 * one synchronous step, then start it.
 *
 * A create that is cancelled or fails on the host leaves nothing. One whose guest failed leaves the machine, so that its
 * console can be read.
 */
import type { CreateParams } from "@banger/contract/daemon/vm";
import { AppError, type ErrorCode } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { ensurePrivateDir } from "@banger/platform/fs/private-dir";
import type * as z from "zod";
import type { Booting } from "./boot.ts";
import type { VmDeps } from "./deps.ts";
import { machineFiles } from "./machine-files.ts";
import type { MachineRecord } from "./machine-record.ts";
import { writeManifest } from "./manifest.ts";
import type { NewMachine } from "./new-machine.ts";
import { startVm } from "./start-vm.ts";
import { deleteVm } from "./stop-vm.ts";
import { undoing } from "./undoing.ts";

const KEPT: ReadonlySet<ErrorCode> = new Set([
  "GUEST_PANICKED",
  "GUEST_SILENT",
  "GUEST_PROTOCOL",
  "GUEST_REFUSED",
  "VMM_DIED",
]);

export async function createVm(
  deps: VmDeps & { readonly newMachine: NewMachine },
  params: z.output<typeof CreateParams>,
  booting: Booting & { id: VmId; named: (name: string) => void },
): Promise<void> {
  const record = await deps.newMachine(params, booting);
  booting.named(record.name);
  booting.signal.throwIfAborted();
  deps.store.insert(record, { state: params.start ? "starting" : "stopped", complete: false });
  await undoing({ name: record.name, log: deps.log }, async (rollback) => {
    rollback.guard("machine", () => deleteVm(deps, record.id));
    await makeDirectory(deps, record);
    const keep = () => {
      deps.store.update(record.id, { complete: true });
      rollback.commit();
    };
    if (params.start) {
      await startVm(deps, record.id, booting).catch((error: unknown) => {
        if (AppError.is(error) && KEPT.has(error.code) && !booting.signal.aborted) keep();
        throw error;
      });
    }
    booting.signal.throwIfAborted();
    // What is provisional stays incomplete, so that the next daemon takes it for what it is.
    if (params.provisional) rollback.commit();
    else keep();
  });
}

async function makeDirectory(deps: VmDeps, record: MachineRecord): Promise<void> {
  const files = machineFiles(deps.machines, record.id);
  await ensurePrivateDir(files.directory);
  await writeManifest(files, record);
}
