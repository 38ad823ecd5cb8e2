/** How a running machine is doing: what its guest says of itself, and what the host sees of it. */
import * as z from "zod";
import { Ref, VmId } from "../ids.ts";
import { VmName } from "../names.ts";
import { refFailures } from "./failures.ts";
import type { Methods } from "./method.ts";

/** bytes */
const Used = z.object({ used: z.number(), total: z.number() });

/** Said by the guest, within what it can be: it has no more memory, disk or time than it was given. */
export const GuestSample = z.object({
  /** `ms` */
  uptimeMs: z.number(),
  /** over 1, 5 and 15 minutes */
  load: z.tuple([z.number(), z.number(), z.number()]),
  processes: z.number(),
  memory: Used,
  /** null when it tells nothing of it */
  root: Used.nullable(),
  work: Used.nullable(),
  /** since boot, of all its processors together, `ms`; what was used between two samples is their difference */
  cpu: z.object({ busyMs: z.number(), totalMs: z.number() }),
});

export const HostSample = z.object({
  /** of the VMM, bytes */
  residentBytes: z.number(),
  /** of the VMM since its start, `ms` */
  cpuMs: z.number(),
  /** what the machine's files take up on the host's disk, bytes */
  diskBytes: z.number(),
});

export const StatsSample = z.object({
  machine: z.object({ id: VmId, name: VmName, vcpus: z.number(), state: z.enum(["running", "paused"]) }),
  /** when it was taken, `ms` from an arbitrary zero that stays the same while the daemon lives */
  takenMs: z.number(),
  /** null when the guest did not answer in time, or is paused */
  guest: GuestSample.nullable(),
  host: HostSample,
});
export type StatsSample = z.infer<typeof StatsSample>;

export const statsMethods = {
  "vm.stats": {
    params: z.strictObject({ ref: Ref }),
    result: StatsSample,
    errors: [...refFailures, "VM_NOT_RUNNING", "VMM_DIED", "GUEST_REFUSED", "GUEST_PROTOCOL"],
    effect: "read",
  },
} as const satisfies Methods;
