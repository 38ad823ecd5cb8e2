/**
 * What is known of a machine for as long as it exists: the database's row and the manifest in its directory hold the same
 * record, so either can be rebuilt from the other.
 */
import { PublishedPort } from "@banger/contract/daemon/port";
import { ImageId, KernelId, VmId } from "@banger/contract/ids";
import { VmName } from "@banger/contract/names";
import * as z from "zod";

export const MachineRecord = z.object({
  version: z.literal(1),
  id: VmId,
  name: VmName,
  image: z.object({ id: ImageId, name: z.string() }),
  kernel: z.object({ id: KernelId, name: z.string() }),
  vcpus: z.int(),
  /** MiB */
  memoryMib: z.int(),
  /** size of the work disk, MiB */
  diskMib: z.int(),
  /** size of the root disk as the machine sees it, MiB */
  rootMib: z.int(),
  environment: z.array(z.string()),
  /** ports of the host that lead to it while it runs; older records have none */
  published: z.array(PublishedPort).default([]),
  ephemeral: z.boolean(),
  /** 32 hexadecimal digits */
  machineId: z.string(),
  /** ISO 8601 */
  createdAt: z.string(),
  /** of the present or last run; written before the VMM is started */
  run: z
    .object({
      /** names the launcher in /proc */
      nonce: z.string(),
      /** ISO 8601 */
      startedAt: z.string(),
      accelerator: z.enum(["kvm", "tcg"]),
      /** what it was started with; older records do not tell */
      vcpus: z.int().optional(),
      memoryMib: z.int().optional(),
    })
    .nullable(),
});
export type MachineRecord = z.infer<typeof MachineRecord>;

/** Of one `KEY=VALUE` of the environment. */
export function variableName(entry: string): string {
  return entry.slice(0, entry.indexOf("="));
}
