/**
 * What a machine gets beyond kernel and VMM: an ordered list behind one narrow interface.
 *
 * The order is that of preparation; cleaning up goes in reverse and to the end, whatever fails on the way. Services never
 * learn of each other through a capability: each is given what it needs when the daemon is composed.
 */
import type { DoctorRow } from "@banger/contract/daemon/system";
import type { Rollback } from "@banger/platform/rollback";
import type { Disk } from "@banger/vmm/driver";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import type { ConfigureRequest } from "../guest/configure.ts";
import type { Changes } from "./change-vm.ts";
import type { LiveMachine } from "./deps.ts";
import type { MachineFiles } from "./machine-files.ts";
import type { MachineRecord } from "./machine-record.ts";

export type Prepared = { readonly record: MachineRecord; readonly files: MachineFiles };
export type Waiting = { readonly signal: AbortSignal };

/** What a capability adds to the machine that is about to start. */
export type Contribution = {
  readonly disks?: readonly Disk[];
  readonly commandLine?: readonly string[];
  readonly configure?: Partial<ConfigureRequest>;
};

/** What a running machine is told of a change of its record. */
export type Change = {
  readonly asked: Changes;
  readonly before: MachineRecord;
  readonly live: LiveMachine;
  /** committed by what can not be taken back */
  readonly rollback: Rollback;
};

/** Puts what a capability gave back to what it was at the first start. */
export type Reset = {
  /** makes the new beside the old, which stays in use; safe to repeat, and not done when it fails */
  prepare(machine: Prepared, waiting: Waiting): Promise<void>;
  /** lets the new take the place of the old, in one step; the machine does not run */
  apply(machine: Prepared): Promise<void>;
  /** what was prepared is not wanted; safe to repeat */
  discard(machine: Prepared): Promise<void>;
};

export interface Capability {
  readonly name: string;
  /** Refuses a start that cannot work, before anything is made. */
  preflight?(machine: Prepared, waiting: Waiting): Promise<void>;
  /** Makes what the host must have, or finds it made: the same call serves the first start and every later one. */
  prepareHost?(machine: Prepared, waiting: Waiting): Promise<Contribution>;
  /** The guest did not come up: throws when what this capability gave it is damaged. */
  verify?(machine: Prepared, waiting: Waiting): Promise<void>;
  /** What is to be done inside, as soon as the agent answers: beside `configure`, and beside each other. */
  afterStart?(machine: Prepared, guest: GuestChannel, waiting: Waiting): Promise<void>;
  /** The record of a machine that runs was changed: makes so now what can be. What it does is undone by the rollback. */
  applyChange?(machine: Prepared, change: Change, waiting: Waiting): Promise<void>;
  readonly reset?: Reset;
  /** Lets go of what the host has for it; `deleted` says that the machine will not come back. Safe to repeat. */
  cleanUp?(machine: Prepared, why: { deleted: boolean }): Promise<void>;
  doctor?(waiting: Waiting): Promise<readonly DoctorRow[]>;
}
