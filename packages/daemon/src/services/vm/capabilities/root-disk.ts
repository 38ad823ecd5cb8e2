/** vda: a copy-on-write overlay on the image, made at the first start and kept until the machine is deleted or reset. */
import { open, rename, rm } from "node:fs/promises";
import type { ImageId } from "@banger/contract/ids";
import { MIB } from "@banger/contract/sizes";
import { syncDirectory } from "@banger/platform/fs/atomic-write";
import { grow } from "../../guest/power.ts";
import { makeOverlay } from "../../storage/overlay.ts";
import type { Capability, Prepared, Waiting } from "../capability.ts";
import type { MachineFiles } from "../machine-files.ts";
import { once } from "./once.ts";

export type RootDiskDeps = {
  /** the image's file, checked to be whole, and its size in bytes */
  readonly imageFile: (id: ImageId, waiting: Waiting) => Promise<{ readonly path: string; readonly bytes: number }>;
  /** throws IMAGE_CORRUPT for any changed byte */
  readonly verifyImage: (id: ImageId, waiting: Waiting) => Promise<void>;
};

export function rootDisk(deps: RootDiskDeps): Capability {
  return {
    name: "root disk",
    async prepareHost({ record, files }: Prepared, waiting) {
      const image = await deps.imageFile(record.image.id, waiting);
      const sizeBytes = Math.max(record.rootMib * MIB, image.bytes);
      await once(files.root, (temporary) => makeOverlay(temporary, { backing: image.path, sizeBytes }));
      await discard(files); // a reset that lost its daemon has left it
      return {
        disks: [{ path: files.root, format: "qcow2", readonly: false }],
        commandLine: ["root=/dev/vda", "rootfstype=ext4", "rw", "banger.init=auto"],
      };
    },
    reset: {
      async prepare({ record, files }, waiting) {
        const image = await deps.imageFile(record.image.id, waiting);
        const sizeBytes = Math.max(record.rootMib * MIB, image.bytes);
        await discard(files);
        await makeOverlay(beside(files), { backing: image.path, sizeBytes });
        await using file = await open(beside(files), "r");
        await file.sync();
      },
      async apply({ files }) {
        await rename(beside(files), files.root);
        await syncDirectory(files.directory);
      },
      discard: ({ files }) => discard(files),
    },
    verify: ({ record }, waiting) => deps.verifyImage(record.image.id, waiting),
    async afterStart({ record }, guest, waiting) {
      const image = await deps.imageFile(record.image.id, waiting);
      if (record.rootMib * MIB > image.bytes) await grow(guest, "/", waiting);
    },
  };
}

/** Where a new disk lies until it takes the place of the old one. */
function beside(files: MachineFiles): string {
  return `${files.root}.reset`;
}

async function discard(files: MachineFiles): Promise<void> {
  await rm(beside(files), { force: true });
}
