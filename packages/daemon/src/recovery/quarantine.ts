/**
 * Directories among the machines' that no row owns. One with a manifest is a machine whose row was lost, and gets it
 * back; any other is moved aside, so that `doctor` shows it and nothing is ever lost to a sweep. A VMM that runs in it is
 * ended first: nobody could ever reach it again.
 */
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { VmId } from "@banger/contract/ids";
import { errnoOf } from "@banger/platform/fs/errno";
import type { Logger } from "@banger/platform/log";
import type { VmmDriver } from "@banger/vmm/driver";
import { readHandles } from "../services/vm/handles.ts";
import { machineFiles } from "../services/vm/machine-files.ts";
import { readManifest } from "../services/vm/manifest.ts";
import type { VmStore } from "../services/vm/vm-store.ts";

const END_MS = 20_000;

export type QuarantineDeps = {
  readonly store: VmStore;
  readonly machines: string;
  readonly quarantine: string;
  readonly driver: VmmDriver;
  readonly log: Logger;
};

export async function claimOrphans(
  deps: QuarantineDeps,
): Promise<{ rebuilt: readonly string[]; moved: readonly string[] }> {
  const outcome = { rebuilt: [] as string[], moved: [] as string[] };
  for (const name of await readdir(deps.machines)) {
    const id = VmId.safeParse(name);
    if (id.success && deps.store.get(id.data)) continue;
    const rebuilt = id.success && (await rebuild(deps, id.data));
    if (!rebuilt) await moveAside(deps, name);
    outcome[rebuilt ? "rebuilt" : "moved"].push(name);
  }
  if (outcome.rebuilt.length + outcome.moved.length > 0) deps.log.warn("orphan directories", outcome);
  return outcome;
}

/** A rebuilt machine counts as running if it ever ran: reconciling then adopts it or takes it down. */
async function rebuild(deps: QuarantineDeps, id: VmId): Promise<boolean> {
  const record = await readManifest(machineFiles(deps.machines, id));
  if (record?.id !== id) return false;
  try {
    deps.store.insert(record, { state: record.run ? "running" : "stopped", complete: true });
    return true;
  } catch (error) {
    if (AppError.is(error, "NAME_TAKEN")) return false;
    throw error;
  }
}

/** Found by its handles, or by the nonce that a readable manifest holds. */
async function endWhatRuns(deps: QuarantineDeps, name: string): Promise<void> {
  const id = VmId.safeParse(name);
  if (!id.success) return;
  const files = machineFiles(deps.machines, id.data);
  const signal = AbortSignal.timeout(END_MS);
  const handles = await readHandles(files);
  const process = handles && (await deps.driver.adopt({ directory: files.directory, handles }));
  await process?.kill({ signal });
  const run = (await readManifest(files))?.run;
  if (run) await deps.driver.endUnrecorded(run.nonce, { signal });
}

async function moveAside(deps: QuarantineDeps, name: string): Promise<void> {
  await endWhatRuns(deps, name);
  await mkdir(deps.quarantine, { recursive: true, mode: 0o700 });
  for (let copy = 0; ; copy += 1) {
    const target = join(deps.quarantine, copy === 0 ? name : `${name}.${copy}`);
    try {
      await rename(join(deps.machines, name), target);
      return;
    } catch (error) {
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
    }
  }
}
