/**
 * What a daemon does before it opens its socket: makes the host and the database agree again, whatever died when.
 *
 * A machine that runs is adopted. One that was on its way up or down is taken down, and one that was to go is gone. A
 * sweep ends processes and frees names; a disk that nobody owns goes to quarantine and is never deleted.
 */
import { isDeepStrictEqual } from "node:util";
import { describeChain } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { withDeadline } from "@banger/platform/time/deadline";
import type { Prepared } from "../services/vm/capability.ts";
import type { VmDeps } from "../services/vm/deps.ts";
import { readHandles } from "../services/vm/handles.ts";
import { correction, VMM_SILENT } from "../services/vm/held-guests.ts";
import { isUp } from "../services/vm/lifecycle.ts";
import { machineFiles } from "../services/vm/machine-files.ts";
import { readManifest, writeManifest } from "../services/vm/manifest.ts";
import { deleteVm } from "../services/vm/stop-vm.ts";
import { teardown } from "../services/vm/teardown.ts";
import type { Machine } from "../services/vm/vm-store.ts";

/** QEMU answers in milliseconds; one that hangs keeps no daemon from starting */
const STATE_MS = 5_000;

export type Reconciled = {
  readonly adopted: readonly VmId[];
  readonly stopped: readonly VmId[];
  readonly deleted: readonly VmId[];
};

export async function reconcile(deps: VmDeps): Promise<Reconciled> {
  const outcome = { adopted: [] as VmId[], stopped: [] as VmId[], deleted: [] as VmId[] };
  await Promise.all(
    deps.store.list().map(async (machine) => {
      const id = machine.record.id;
      try {
        outcome[await reconcileOne(deps, machine)].push(id);
      } catch (error) {
        deps.log.error("machine could not be reconciled", { machine: id, error: describeChain(error) });
        deps.store.observe(id, {
          state: "failed",
          lastError: { code: "INTERNAL", message: "it was not cleaned up whole" },
        });
      }
    }),
  );
  deps.log.info("reconciled", outcome);
  return outcome;
}

async function reconcileOne(deps: VmDeps, machine: Machine): Promise<keyof Reconciled> {
  const { record, state, complete } = machine;
  const prepared = { record, files: machineFiles(deps.machines, record.id) };
  if (complete) await agree(prepared);
  if (complete && isUp(state) && (await adopt(deps, prepared))) return "adopted";
  // One whose guest failed was kept to be looked into, and says so; it goes when it is deleted.
  const kept = state === "failed" && machine.lastError !== null;
  if (!complete || (record.ephemeral && !kept)) {
    await deleteVm(deps, record.id);
    return "deleted";
  }
  if (state === "stopped" || state === "failed") return "stopped";
  // Its row may have been rebuilt, and then nobody knows whether it ran.
  const ran = isUp(state) && (await readHandles(prepared.files)) !== undefined;
  await teardown(deps, prepared, { graceMs: 0, deleted: false });
  const lastError = ran ? { code: "VMM_DIED", message: "the VMM ended while no daemon was there" } : null;
  deps.store.observe(record.id, { state: "stopped", lastError });
  return "stopped";
}

/** The row is written first: a daemon that died in between has left an older manifest, under another name perhaps. */
async function agree({ record, files }: Prepared): Promise<void> {
  const written = await readManifest(files);
  if (written && !isDeepStrictEqual(written, record)) await writeManifest(files, record);
}

/** What holds its guest is for the VMM to say: the last daemon may have died before it could write that down. */
async function adopt(deps: VmDeps, { record, files }: Prepared): Promise<boolean> {
  const handles = await readHandles(files);
  const process = handles && (await deps.driver.adopt({ directory: files.directory, handles }));
  if (!process) return false;
  deps.live.set(record.id, { process, guest: deps.openGuest(process) });
  try {
    const what = { ms: STATE_MS, what: "the VMM to tell its state" };
    const hold = await withDeadline((signal) => process.hold({ signal }), what);
    const change = correction(deps.store.mustGet(record.id), hold);
    if (change) deps.store.observe(record.id, change);
  } catch (error) {
    deps.log.warn("VMM did not tell its state", { machine: record.id, error: describeChain(error) });
    deps.store.observe(record.id, { lastError: VMM_SILENT });
  }
  return true;
}
