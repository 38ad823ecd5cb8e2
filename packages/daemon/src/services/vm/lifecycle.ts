/**
 * The whole admission policy for machines, as data. No effects here; the service executes verdicts.
 *
 *   stopped ──start──▶ starting ──▶ running ──stop──▶ stopping ──▶ stopped
 *      │                  └───────▶ failed ◀──────────────┘
 *      └──delete──▶ (gone), from every state: what runs is interrupted or ended first
 *
 * Asking twice for the same thing is never an error.
 */
import type { VmState } from "@banger/contract/daemon/vm";
import type { ErrorCode } from "@banger/contract/errors";

export type VmRequest = "start" | "stop" | "delete" | "exec";

export type Verdict =
  | { readonly do: "run" }
  /** wait for the operation that is already on the way there */
  | { readonly do: "join" }
  /** already there */
  | { readonly do: "nothing" }
  /** cancel the operation under way, then run */
  | { readonly do: "interrupt" }
  | { readonly do: "deny"; readonly code: ErrorCode };

const RUN: Verdict = { do: "run" };
const JOIN: Verdict = { do: "join" };
const NOTHING: Verdict = { do: "nothing" };
const INTERRUPT: Verdict = { do: "interrupt" };
const BUSY: Verdict = { do: "deny", code: "VM_BUSY" };
const NOT_RUNNING: Verdict = { do: "deny", code: "VM_NOT_RUNNING" };

export const policy: Record<VmState, Record<VmRequest, Verdict>> = {
  stopped: { start: RUN, stop: NOTHING, delete: RUN, exec: NOT_RUNNING },
  starting: { start: JOIN, stop: INTERRUPT, delete: INTERRUPT, exec: NOT_RUNNING },
  running: { start: NOTHING, stop: RUN, delete: RUN, exec: RUN },
  stopping: { start: BUSY, stop: JOIN, delete: RUN, exec: NOT_RUNNING },
  failed: { start: RUN, stop: RUN, delete: RUN, exec: NOT_RUNNING },
};
