/** vdb: the user's home. A clone of the image's seed, grown in the guest; it survives a reset of the root disk. */
import { stat } from "node:fs/promises";
import type { ImageId } from "@banger/contract/ids";
import { MIB } from "@banger/contract/sizes";
import type { Exec } from "@banger/platform/exec/run";
import { withDeadline } from "@banger/platform/time/deadline";
import { grow } from "../../guest/power.ts";
import { setLength } from "../../storage/set-length.ts";
import { makeWorkDisk, type WorkSeed } from "../../storage/work-disk.ts";
import type { Capability, Waiting } from "../capability.ts";
import { once } from "./once.ts";

export type WorkDiskDeps = {
  readonly exec: Exec;
  /** `null` for an image without a home to begin with */
  readonly seed: (id: ImageId, waiting: Waiting) => Promise<WorkSeed | null>;
};

/** its place among the machine's disks: vdb */
const WORK = 1;
const VMM_MS = 10_000;
const GROW_MS = 60_000;
/** an emulated guest writes the tables of some 100 GiB in a second */
const GROW_MS_PER_TIB = 60_000;
const HOME = "/root";

export function workDisk(deps: WorkDiskDeps): Capability {
  return {
    name: "work disk",
    async prepareHost({ record, files }, waiting) {
      const seed = await deps.seed(record.image.id, waiting);
      const options = { sizeBytes: record.diskMib * MIB, seed, identity: record.id, signal: waiting.signal };
      await once(files.work, (temporary) => makeWorkDisk(deps.exec, temporary, options));
      await growFile(files.work, options.sizeBytes);
      return {
        disks: [{ path: files.work, format: "raw", readonly: false }],
        commandLine: [`banger.work=/dev/vdb:${HOME}`],
      };
    },
    async afterStart({ record }, guest, { signal }) {
      await grow(guest, HOME, { signal, deadlineMs: growMs(record.diskMib * MIB) });
    },
    async applyChange({ record, files }, { asked, live, rollback }, { signal }) {
      if (asked.diskMib === undefined) return;
      // What is there counts, not what is written down: an earlier try may have lost its daemon anywhere. What a guest may
      // have used is never cut off.
      const oldBytes = (await stat(files.work)).size;
      const sizeBytes = Math.max(record.diskMib * MIB, oldBytes);
      rollback.guard("work disk", async (undo) => {
        await live.process.resizeDisk({ index: WORK, sizeBytes: oldBytes }, { signal: undo });
        await setLength(files.work, oldBytes);
      });
      await growFile(files.work, sizeBytes);
      const waiting = { signal, ms: VMM_MS, what: `the VMM of ${record.name} to grow its work disk` };
      await withDeadline((within) => live.process.resizeDisk({ index: WORK, sizeBytes }, { signal: within }), waiting);
      // From here on the guest may use it, whatever it answers: nothing is taken back. What it has not grown now, it
      // grows when it is asked again, or at its next start.
      rollback.commit();
      await grow(live.guest, HOME, { signal, deadlineMs: growMs(sizeBytes) });
    },
  };
}

function growMs(sizeBytes: number): number {
  return GROW_MS + Math.ceil(sizeBytes / 2 ** 40) * GROW_MS_PER_TIB;
}

/** Up only; what is added is a hole. */
async function growFile(path: string, sizeBytes: number): Promise<void> {
  if ((await stat(path)).size < sizeBytes) await setLength(path, sizeBytes);
}
