/**
 * Stops or deletes a machine, whatever state it is in, and on a full disk, too; a machine that is deleted when it stops
 * is deleted here too.
 */
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import type { VmDeps } from "./deps.ts";
import { machineFiles } from "./machine-files.ts";
import { teardown } from "./teardown.ts";
import type { LastError } from "./vm-store.ts";

export async function stopVm(deps: VmDeps, id: VmId, how: { graceMs: number }): Promise<void> {
  const { record } = deps.store.mustGet(id);
  await (record.ephemeral ? deleteVm(deps, id, how) : haltVm(deps, id, how));
}

/** Stops it and keeps it, even one that is deleted when it stops: it is about to be started again. */
export async function haltVm(deps: VmDeps, id: VmId, how: { graceMs: number }): Promise<void> {
  const { record, state } = deps.store.mustGet(id);
  deps.store.observe(id, { state: "stopping" });
  const ending = { graceMs: how.graceMs, deleted: false, paused: state === "paused" };
  try {
    await teardown(deps, { record, files: machineFiles(deps.machines, id) }, ending);
    deps.store.observe(id, { state: "stopped", lastError: null });
  } catch (error) {
    deps.store.observe(id, { state: "failed", lastError: notWhole(error) });
    throw error;
  }
}

/**
 * The row goes last: as long as anything may be left, there is a row that says whose it is. It is incomplete from now on,
 * so that a daemon which finds it goes on with the deletion.
 */
export async function deleteVm(deps: VmDeps, id: VmId, how: { graceMs: number } = { graceMs: 0 }): Promise<void> {
  const record = deps.store.get(id)?.record;
  if (!record) return; // the create that was interrupted for this has taken it away already
  deps.store.observe(id, { state: "stopping", complete: false });
  try {
    await teardown(deps, { record, files: machineFiles(deps.machines, id) }, { graceMs: how.graceMs, deleted: true });
    deps.store.delete(id);
  } catch (error) {
    deps.store.observe(id, { state: "failed", lastError: notWhole(error) });
    throw error;
  }
}

function notWhole(error: unknown): LastError {
  return { code: AppError.is(error) ? error.code : "INTERNAL", message: "the machine was not cleaned up whole" };
}
