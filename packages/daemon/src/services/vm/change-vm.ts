/**
 * Changes what a machine is to be. The record is changed first: it is what holds from the next start. Then whatever the
 * machine can take while it runs is applied; what can not be taken back comes last.
 */
import type { ChangeParams } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { formatMib } from "@banger/contract/sizes";
import type { Rollback } from "@banger/platform/rollback";
import type * as z from "zod";
import type { VmDeps } from "./deps.ts";
import { machineFiles } from "./machine-files.ts";
import { type MachineRecord, variableName } from "./machine-record.ts";
import { writeManifest } from "./manifest.ts";
import { type Host, requireRoom } from "./new-machine.ts";
import { notRunning } from "./not-running.ts";
import { undoing } from "./undoing.ts";

/** Absent is left as it is. */
export type Changes = Omit<z.output<typeof ChangeParams>, "ref">;

export async function changeVm(
  deps: VmDeps & { readonly host: Host },
  id: VmId,
  { changes, signal }: { changes: Changes; signal: AbortSignal },
): Promise<void> {
  const { record: before, state } = deps.store.mustGet(id);
  const record = withChanges(before, changes);
  if (record.memoryMib !== before.memoryMib) requireRoom(deps.host, record.memoryMib);
  if (record.diskMib < before.diskMib) throw shrinking(before, record.diskMib);
  if (record.diskMib > before.diskMib && state === "paused") throw notRunning(before.name, state);
  const files = machineFiles(deps.machines, id);
  await undoing({ name: before.name, log: deps.log }, async (rollback) => {
    await writeDown(deps, { before, after: record }, rollback);
    const live = state === "running" ? deps.live.get(id) : undefined;
    if (!live) return;
    for (const capability of deps.capabilities.toReversed()) {
      await capability.applyChange?.({ record, files }, { asked: changes, before, live, rollback }, { signal });
    }
  });
}

/** Variables are set and unset one by one: those that are not named stay. */
function withChanges(record: MachineRecord, { environment = [], unset = [], ...changes }: Changes): MachineRecord {
  const named = new Set([...environment.map(variableName), ...unset]);
  const kept = record.environment.filter((entry) => !named.has(variableName(entry)));
  const { name = record.name, vcpus = record.vcpus, memoryMib = record.memoryMib, diskMib = record.diskMib } = changes;
  return { ...record, name, vcpus, memoryMib, diskMib, environment: [...kept, ...environment] };
}

/** The row decides who has a name. Throws NAME_TAKEN. */
async function writeDown(
  deps: VmDeps,
  { before, after }: { before: MachineRecord; after: MachineRecord },
  rollback: Rollback,
): Promise<void> {
  const files = machineFiles(deps.machines, before.id);
  deps.store.update(before.id, { record: after });
  rollback.guard("record", async () => {
    deps.store.update(before.id, { record: before });
    await writeManifest(files, before);
  });
  await writeManifest(files, after);
}

function shrinking({ name, diskMib }: MachineRecord, wantedMib: number): AppError {
  const [has, wanted] = [diskMib, wantedMib].map(formatMib);
  return new AppError("SIZE_INVALID", `the work disk of ${name} has ${has}, and can not shrink to ${wanted}`, {
    facts: { machine: name, diskMib, wantedMib },
    hint: "A disk only grows; make another machine for a smaller one.",
  });
}
