/** vdc: the kernel's modules, read-only and shared by all machines, so that any image can load what it needs. */
import type { KernelId } from "@banger/contract/ids";
import type { Capability, Waiting } from "../capability.ts";

export function modulesDisk(deps: {
  readonly modulesFile: (id: KernelId, waiting: Waiting) => Promise<string>;
}): Capability {
  return {
    name: "modules disk",
    async prepareHost({ record }, waiting) {
      const path = await deps.modulesFile(record.kernel.id, waiting);
      return {
        disks: [{ path, format: "raw", readonly: true }],
        commandLine: ["banger.modules=/dev/vdc"],
      };
    },
  };
}
