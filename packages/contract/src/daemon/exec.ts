/** Commands in a machine. The answer of `exec.run` is followed by raw streams on the same connection. */
import * as z from "zod";
import { ExecId, Ref } from "../ids.ts";
import type { Methods } from "./method.ts";
import { EnvironmentEntry } from "./vm.ts";

/** Sent by the daemon on the control stream when the command has ended. */
export type { ExecEnd } from "./exec-end.ts";

export const ExecControl = z.union([
  z.strictObject({ resize: z.strictObject({ rows: z.int().min(1).max(65_535), columns: z.int().min(1).max(65_535) }) }),
  z.strictObject({ signal: z.int().min(1).max(64) }),
]);
export type ExecControl = z.infer<typeof ExecControl>;

const command = {
  ref: Ref,
  /** only the program needs a name: an argument may be empty */
  argv: z
    .array(z.string())
    .min(1)
    .max(4096)
    .refine(([program]) => program !== "", "the program has no name"),
  environment: z.array(EnvironmentEntry).max(1024).default([]),
  cwd: z.string().min(1).max(4096).optional(),
  user: z.string().min(1).max(64).optional(),
};

const failures = [
  "VM_NOT_FOUND",
  "REF_AMBIGUOUS",
  "VM_NOT_RUNNING",
  "VM_PAUSED",
  "VMM_DIED",
  "COMMAND_NOT_FOUND",
  "COMMAND_NOT_EXECUTABLE",
  "GUEST_REFUSED",
  "GUEST_SILENT",
  "GUEST_PROTOCOL",
] as const;

export const execMethods = {
  /** Runs a command with its streams on this connection; a client that goes away hangs it up. */
  "exec.run": {
    params: z.strictObject({
      ...command,
      tty: z.strictObject({ rows: z.int().min(1).max(65_535), columns: z.int().min(1).max(65_535) }).optional(),
      stdin: z.boolean().default(false),
    }),
    result: z.object({ exec: ExecId, pid: z.number() }),
    errors: failures,
    effect: "write",
    upgrade: "exec",
  },
  /** Leaves a command running under the agent; its output goes to the machine's command log. */
  "exec.detach": {
    params: z.strictObject({
      ...command,
      /** delete the machine when the command has ended */
      thenDelete: z.boolean().default(false),
    }),
    result: z.object({ exec: ExecId, pid: z.number() }),
    errors: failures,
    effect: "write",
  },
  /** To every command that was left running in the machine, and all that it has started. */
  "exec.signal": {
    params: z.strictObject({ ref: Ref, signal: z.int().min(1).max(64) }),
    result: z.object({ commands: z.array(ExecId) }),
    errors: [...failures, "EXEC_NOT_FOUND"],
    effect: "write",
  },
} as const satisfies Methods;
