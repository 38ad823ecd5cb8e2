/** vdc: the kernel's modules, read-only and shared by all machines, so that any image can load what it needs. */
import type { KernelId } from "@banger/contract/ids";
import type { Capability, Waiting } from "../capability.ts";

export function modulesDisk(deps: {
  readonly modulesFile: (id: KernelId, waiting: Waiting) => Promise<string>;
  /** throws KERNEL_CORRUPT for any changed byte of the bundle, whose modules and kernel were made together */
  readonly verifyKernel: (id: KernelId, waiting: Waiting) => Promise<void>;
}): Capability {
  return {
    name: "modules disk",
    verify: ({ record }, waiting) => deps.verifyKernel(record.kernel.id, waiting),
    async prepareHost({ record }, waiting) {
      const path = await deps.modulesFile(record.kernel.id, waiting);
      return {
        disks: [{ path, format: "raw", readonly: true }],
        commandLine: ["banger.modules=/dev/vdc"],
      };
    },
  };
}
