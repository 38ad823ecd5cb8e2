/** Machines: what a client may ask of them. */
import * as z from "zod";
import { AgentBuild } from "../guest/agent-build.ts";
import { ImageId, KernelId, OperationId, Ref, VmId } from "../ids.ts";
import { VmName } from "../names.ts";
import { refFailures } from "./failures.ts";
import type { Methods } from "./method.ts";
import { PublishedPorts } from "./port.ts";

export const VmState = z.enum(["stopped", "starting", "running", "paused", "stopping", "failed"]);
export type VmState = z.infer<typeof VmState>;

/** One `KEY=VALUE`; values are secrets as far as logs are concerned. */
export const EnvironmentEntry = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*=[^\0]*$/);
const VariableName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/);

export const VmSizing = z.strictObject({
  vcpus: z.int().min(1).max(32).optional(),
  /** MiB */
  memoryMib: z.int().min(128).max(1_048_576).optional(),
  /** size of the work disk, MiB */
  diskMib: z.int().min(64).max(16_777_216).optional(),
});

export const CreateParams = z.strictObject({
  name: VmName.optional(),
  image: Ref.optional(),
  kernel: Ref.optional(),
  ...VmSizing.shape,
  environment: z.array(EnvironmentEntry).max(1024).optional(),
  published: PublishedPorts.optional(),
  /** whether the machine is started as part of the operation */
  start: z.boolean().default(true),
  /** deleted, with everything it has, when it stops */
  ephemeral: z.boolean().default(false),
  /** the client's that makes it: deleted when that goes, or its daemon does, before it is kept by `exec.run` or `vm.keep` */
  provisional: z.boolean().default(false),
});

/** What is absent stays as it is; variables that are not named stay, too. */
export const ChangeParams = z.strictObject({
  ref: Ref,
  name: VmName.optional(),
  ...VmSizing.shape,
  environment: z.array(EnvironmentEntry).max(1024).optional(),
  /** variables that are to be set no longer, before those that are; one that is not there is none */
  unset: z.array(VariableName).max(1024).optional(),
});

export const VmView = z.object({
  id: VmId,
  name: VmName,
  state: VmState,
  image: z.object({ id: ImageId, name: z.string() }),
  kernel: z.object({ id: KernelId, name: z.string() }),
  vcpus: z.number(),
  memoryMib: z.number(),
  diskMib: z.number(),
  /** what the next start changes of these, for a machine that runs; older daemons do not tell */
  nextStart: z.object({ vcpus: z.number().optional(), memoryMib: z.number().optional() }).nullable().default(null),
  ephemeral: z.boolean(),
  /** names of the variables of its commands; older daemons do not tell */
  variables: z.array(z.string()).default([]),
  /** ISO 8601 */
  createdAt: z.string(),
  /** ISO 8601; of the present run */
  startedAt: z.string().nullable(),
  /** `qemu`, and how it is accelerated: `kvm` or `tcg` */
  vmm: z.object({ driver: z.string(), accelerator: z.string().nullable() }),
  /** what can be reached from the machine, and what of it from outside */
  network: z.object({ mode: z.string(), open: z.array(z.string()) }),
  /** whether TCG stands where hardware isolation would */
  isolation: z.string(),
  /** null while none is connected */
  agent: AgentBuild.extend({
    role: z.string(),
    /** what this daemon would have put there, when that is another one */
    expected: z.string().optional(),
  }).nullable(),
  lastError: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type VmView = z.infer<typeof VmView>;

const offset = z.int().min(0);
const part = z.string().max(64);
/** A LogPosition. */
const Position = z.strictObject({ of: part, part, at: offset, skip: offset });

const one = z.strictObject({ ref: Ref });
const began = z.object({ operation: OperationId });
/** time the guest has to power off, `ms` */
const graceMs = z.int().min(0).max(600_000).default(10_000);
const refused = [...refFailures, "VM_BUSY", "VM_PAUSED"] as const;
const changing = [
  ...refFailures,
  "DISK_FULL",
  ...["VMM_DIED", "VMM_SILENT", "VM_NOT_RUNNING", "GUEST_SILENT", "GUEST_REFUSED", "GUEST_PROTOCOL"],
] as const;

export const vmMethods = {
  "vm.create": {
    params: CreateParams,
    result: began,
    errors: [
      "NAME_TAKEN",
      "IMAGE_NOT_FOUND",
      "KERNEL_NOT_FOUND",
      "REF_AMBIGUOUS",
      "DISK_FULL",
      "MEMORY_SHORT",
      "PORT_TAKEN",
      "PORT_UNUSABLE",
      "PREREQUISITE_MISSING",
    ],
    effect: "write",
  },
  "vm.start": { params: one, result: began, errors: refused, effect: "write" },
  "vm.stop": { params: z.strictObject({ ref: Ref, graceMs }), result: began, errors: refused, effect: "write" },
  /** Stopped, if it runs, and started, as one operation. */
  "vm.restart": { params: z.strictObject({ ref: Ref, graceMs }), result: began, errors: refused, effect: "write" },
  /** The VMM is ended now, whatever else is under way; the machine stays. */
  "vm.kill": { params: one, result: began, errors: refused, effect: "write" },
  /** Its root disk is put back to its image, and its work disk kept; one that is up is stopped before, and started again. */
  "vm.reset": { params: z.strictObject({ ref: Ref, graceMs }), result: began, errors: refused, effect: "write" },
  /** Held where it is: its memory stays, its commands stand still, and nothing reaches it. */
  "vm.pause": { params: one, result: began, errors: [...refused, "VM_NOT_RUNNING"], effect: "write" },
  /** Goes on where it was held, with its clock set. */
  "vm.resume": { params: one, result: began, errors: [...refused, "VM_NOT_RUNNING"], effect: "write" },
  /** One that was provisional no longer is. */
  "vm.keep": { params: one, result: VmView, errors: refFailures, effect: "write" },
  "vm.delete": { params: one, result: began, errors: refused, effect: "write" },
  /** For a running machine, too: its host name and its HTTP name change with it. */
  "vm.rename": {
    params: z.strictObject({ ref: Ref, name: VmName }),
    result: VmView,
    errors: [...changing, "NAME_TAKEN"],
    effect: "write",
  },
  /** A running machine gets more disk and other variables at once; processors and memory hold from its next start. */
  "vm.set": {
    params: ChangeParams.omit({ name: true }),
    result: VmView,
    errors: [...changing, "SIZE_INVALID", "MEMORY_SHORT", "VM_PAUSED"],
    effect: "write",
  },
  "vm.list": {
    params: z.strictObject({}),
    result: z.object({ machines: z.array(VmView) }),
    errors: [],
    effect: "read",
  },
  "vm.show": { params: one, result: VmView, errors: refFailures, effect: "read" },
  /** Raw bytes on stream 0; on stream 1 lines of JSON: a LogMark before what it marks, if it is followed, and a LogEnd. */
  "vm.logs": {
    params: z.strictObject({
      ref: Ref,
      source: z.enum(["console", "command", "vmm"]).default("console"),
      /** go on with what comes, until the command has ended or the machine is deleted */
      follow: z.boolean().default(false),
      /** lines from the end */
      tail: z.int().min(0).optional(),
      /** nothing before this time, Unix time in `ms`; of commands only, because no other line has a time */
      since: z.int().min(0).optional(),
      /** where each part stood when a daemon was lost, by its marks; `tail` is for the first time */
      resume: z.array(Position).max(10_000).optional(),
    }),
    /** older daemons do not tell, nor do they mark */
    result: z.object({ machine: VmId.optional() }),
    errors: refFailures,
    effect: "read",
    upgrade: "bytes",
  },
} as const satisfies Methods;
