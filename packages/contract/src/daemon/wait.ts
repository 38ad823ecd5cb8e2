/** Waiting for machines, and for the commands that were left running in them. */
import * as z from "zod";
import { Ref, VmId } from "../ids.ts";
import { VmName } from "../names.ts";
import { refFailures } from "./failures.ts";
import type { Methods } from "./method.ts";
import { VmView } from "./vm.ts";

export const WaitFor = z.enum(["running", "stopped", "command"]);
export type WaitFor = z.infer<typeof WaitFor>;

/** timers take no more; 24 days, `ms` */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

export const WaitResult = z.object({
  id: VmId,
  name: VmName,
  /** as it was then; null when it had been deleted */
  machine: VmView.nullable(),
  /** of the command, when that was waited for; `lost` says why nobody knows how it ended */
  end: z
    .union([z.object({ status: z.number() }), z.object({ signal: z.number() }), z.object({ lost: z.string() })])
    .nullable(),
});
export type WaitResult = z.infer<typeof WaitResult>;

export const waitMethods = {
  /** Answers when it is so. Without `for`: when its command has ended, if one was left running in it, or else the machine. */
  "vm.wait": {
    params: z.strictObject({
      ref: Ref,
      for: WaitFor.optional(),
      /** TIMEOUT when it has not come to be by then, `ms` */
      timeoutMs: z.int().min(0).max(MAX_TIMEOUT_MS).optional(),
    }),
    result: WaitResult,
    errors: [...refFailures, "VM_NOT_RUNNING", "EXEC_NOT_FOUND"],
    effect: "read",
  },
} as const satisfies Methods;
