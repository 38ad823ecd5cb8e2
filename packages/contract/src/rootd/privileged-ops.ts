/**
 * What only root can do for machines: the whole of it, as verbs on objects that are named by ids and small numbers.
 *
 * No verb takes a command line, and none opens a path that its caller named: paths are computed beneath directories that the
 * root side owns. Each call states what should be; repeating it changes nothing, and the same call mends after a crash. Two
 * implementations will make the same checks: a client of the root helper, and an in-process one for a daemon that is root.
 */
import * as z from "zod";
import type { InputOf, Methods, ResultOf } from "../daemon/method.ts";
import { ImageId, VmId } from "../ids.ts";

/** Carried by every host object, so that two installations never touch each other's. */
export const InstallationId = z.string().regex(/^[0-9a-z]{4}$/);
export type InstallationId = z.infer<typeof InstallationId>;

/** the most that a TAP's name has room for */
const MAX_SLOT = 9_999_999;

/** What one machine should have of the host's network. */
export const Tap = z.strictObject({
  machine: VmId,
  /** index in the pool; with the installation it makes the name */
  slot: z.int().min(0).max(MAX_SLOT),
  /** who may open it besides root */
  uid: z.int().min(0),
  /** the guest's only address, IPv4 */
  address: z.ipv4(),
});
export type Tap = z.infer<typeof Tap>;

/** A copy-on-write device over an image, its changes in the machine's own directory. */
export const SnapshotDevice = z.strictObject({
  machine: VmId,
  image: ImageId,
  /** what the guest sees, bytes, whole sectors */
  sizeBytes: z.int().positive().multipleOf(512),
});
export type SnapshotDevice = z.infer<typeof SnapshotDevice>;

/** The chroot and the user in which a VMM runs. */
export const Jail = z.strictObject({ machine: VmId, uid: z.int().min(1), gid: z.int().min(1) });
export type Jail = z.infer<typeof Jail>;

const ofMachine = z.strictObject({ machine: VmId });
const done = z.object({});

export const privilegedMethods = {
  /** The host's taps and rules become these, in one transaction of the packet filter; all others of ours go. */
  "network.apply": {
    params: z.strictObject({ taps: z.array(Tap).max(4096) }),
    result: done,
    errors: [],
    effect: "write",
  },
  /** Makes the device, or finds it made. */
  "snapshot-device.ensure": {
    params: SnapshotDevice,
    result: z.object({ node: z.string() }),
    errors: ["IMAGE_NOT_FOUND", "DISK_FULL"],
    effect: "write",
  },
  "snapshot-device.remove": { params: ofMachine, result: done, errors: [], effect: "write" },
  "jail.ensure": { params: Jail, result: z.object({ root: z.string() }), errors: ["DISK_FULL"], effect: "write" },
  "jail.remove": { params: ofMachine, result: done, errors: [], effect: "write" },
  /** Removes what this installation has on the host for machines other than these; never a disk. */
  sweep: {
    params: z.strictObject({ machines: z.array(VmId).max(4096) }),
    result: z.object({ removed: z.array(z.string()) }),
    errors: [],
    effect: "write",
  },
} as const satisfies Methods;

type Table = typeof privilegedMethods;

/** What the daemon is given, whichever of the two stands behind it. */
export type PrivilegedOps = { readonly [K in keyof Table]: (params: InputOf<Table, K>) => Promise<ResultOf<Table, K>> };

/** `b` + installation + `-` + slot: at most 15 bytes, which is what the kernel allows. */
export function tapName(installation: InstallationId, slot: number): string {
  return `b${InstallationId.parse(installation)}-${Tap.shape.slot.parse(slot)}`;
}
