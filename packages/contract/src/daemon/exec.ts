/** Commands in a machine. The answer of `exec.run` is followed by raw streams on the same connection. */
import * as z from "zod";
import { ExecId, Ref, VmId } from "../ids.ts";
import { guestFailures, refFailures } from "./failures.ts";
import type { Methods } from "./method.ts";
import { EnvironmentEntry } from "./vm.ts";

/** Sent by the daemon on the control stream when the command has ended. */
export type { ExecEnd } from "./exec-end.ts";

const Size = z.strictObject({ rows: z.int().min(1).max(65_535), columns: z.int().min(1).max(65_535) });
const Offset = z.int().min(0);
/** Bytes of each stream since the command's start. */
const Offsets = z.strictObject({ stdout: Offset, stderr: Offset });

export const ExecControl = z.union([
  z.strictObject({ resize: Size }),
  z.strictObject({ signal: z.int().min(1).max(64) }),
  /** leave it running in the background; answered by the end `detached` */
  z.strictObject({ detach: z.literal(true) }),
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

const failures = [...guestFailures, "COMMAND_NOT_FOUND", "COMMAND_NOT_EXECUTABLE"] as const;

export const execMethods = {
  /**
   * Runs a command with its streams on this connection; a client that goes away hangs it up. A client that loses its
   * daemon takes the command up again with `exec.attach`.
   */
  "exec.run": {
    params: z.strictObject({
      ...command,
      tty: Size.optional(),
      stdin: z.boolean().default(false),
      /** delete the machine when the command has ended, though its client may be gone by then */
      thenDelete: z.boolean().default(false),
      /** from now on the machine is not provisional any more */
      keep: z.boolean().default(false),
    }),
    result: z.object({ exec: ExecId, machine: VmId, pid: z.number() }),
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
  /** What was left running in the machine and still does, in the order in which it was started. */
  "exec.list": {
    params: z.strictObject({ ref: Ref }),
    result: z.object({ commands: z.array(z.object({ exec: ExecId, argv: z.array(z.string()) })) }),
    errors: refFailures,
    effect: "read",
  },
  /** To every command that was left running in the machine, and all that it has started. */
  "exec.signal": {
    params: z.strictObject({ ref: Ref, signal: z.int().min(1).max(64) }),
    result: z.object({ commands: z.array(ExecId) }),
    errors: [...failures, "EXEC_NOT_FOUND"],
    effect: "write",
  },
  /** Takes up a command that was left running, or one whose daemon went away; otherwise as `exec.run`. */
  "exec.attach": {
    params: z.strictObject({
      ref: Ref,
      /** the beginning of its id; without, the only one that runs in the background */
      exec: z.string().min(1).max(32).optional(),
      /** what the client has of its output; without, the last of it is given again */
      resume: Offsets.optional(),
      /** whether it has a terminal; of one that runs in the background the daemon knows */
      tty: z.boolean().default(false),
      /** to write to it, which one client at a time may */
      stdin: z.boolean().default(false),
    }),
    result: z.object({
      ...{ exec: ExecId, machine: VmId, argv: z.array(z.string()), tty: z.boolean() },
      /** whether it takes input at all */
      stdin: z.boolean(),
      /** whether it goes on when the client goes away */
      background: z.boolean(),
      /** where the streams go on: what is in between was not kept */
      from: z.object({ stdin: Offset, stdout: Offset, stderr: Offset }),
    }),
    errors: [...failures, "EXEC_NOT_FOUND", "EXEC_AMBIGUOUS", "EXEC_ATTACHED"],
    effect: "write",
    upgrade: "exec",
  },
} as const satisfies Methods;
