/** vdb: the user's home. A clone of the image's seed, grown in the guest; it survives a reset of the root disk. */
import type { ImageId } from "@banger/contract/ids";
import type { Exec } from "@banger/platform/exec/run";
import { grow } from "../../guest/power.ts";
import { makeWorkDisk, type WorkSeed } from "../../storage/work-disk.ts";
import type { Capability, Waiting } from "../capability.ts";
import { once } from "./once.ts";

export type WorkDiskDeps = {
  readonly exec: Exec;
  /** `null` for an image without a home to begin with */
  readonly seed: (id: ImageId, waiting: Waiting) => Promise<WorkSeed | null>;
};

const HOME = "/root";

export function workDisk(deps: WorkDiskDeps): Capability {
  return {
    name: "work disk",
    async prepareHost({ record, files }, waiting) {
      const seed = await deps.seed(record.image.id, waiting);
      const options = { sizeBytes: record.diskMib * 2 ** 20, seed, identity: record.id, signal: waiting.signal };
      await once(files.work, (temporary) => makeWorkDisk(deps.exec, temporary, options));
      return {
        disks: [{ path: files.work, format: "raw", readonly: false }],
        commandLine: [`banger.work=/dev/vdb:${HOME}`],
      };
    },
    async afterStart(_machine, guest, waiting) {
      await grow(guest, HOME, waiting);
    },
  };
}
