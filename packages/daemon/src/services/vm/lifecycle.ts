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

/** What changes a machine; each has its turn in the machine's queue. */
export type VmRequest = "start" | "stop" | "kill" | "restart" | "delete";

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

export const policy: Record<VmState, Record<VmRequest, Verdict>> = {
  stopped: { start: RUN, stop: NOTHING, kill: NOTHING, restart: RUN, delete: RUN },
  starting: { start: JOIN, stop: INTERRUPT, kill: INTERRUPT, restart: JOIN, delete: INTERRUPT },
  running: { start: NOTHING, stop: RUN, kill: RUN, restart: RUN, delete: RUN },
  stopping: { start: BUSY, stop: JOIN, kill: JOIN, restart: BUSY, delete: RUN },
  failed: { start: RUN, stop: RUN, kill: RUN, restart: RUN, delete: RUN },
};

/** The verdict on a request by what holds the machine's queue or waits in it: a row for what is under way. */
const encounter: Record<VmRequest, Record<VmRequest, Verdict>> = {
  start: { start: JOIN, stop: INTERRUPT, kill: INTERRUPT, restart: JOIN, delete: INTERRUPT },
  restart: { start: JOIN, stop: INTERRUPT, kill: INTERRUPT, restart: JOIN, delete: INTERRUPT },
  stop: { start: BUSY, stop: JOIN, kill: JOIN, restart: BUSY, delete: RUN },
  kill: { start: BUSY, stop: JOIN, kill: JOIN, restart: BUSY, delete: RUN },
  delete: { start: BUSY, stop: JOIN, kill: JOIN, restart: BUSY, delete: JOIN },
};

/**
 * The verdict on a request that arrives while `current` holds the machine's queue or waits in it.
 *
 * What is under way counts for more than the state, which changes only when its turn has come: a machine that somebody
 * has asked to delete is not started again, and only what leads to a start is ever interrupted.
 */
export function admit(state: VmState, request: VmRequest, current: VmRequest | undefined): Verdict {
  if (current !== undefined) return encounter[current][request];
  // Nobody is there to be joined, interrupted or in the way, but a machine that ended by itself may still be cleaned up:
  // the request waits for its turn, and is judged again then.
  return policy[state][request].do === "nothing" ? NOTHING : RUN;
}

/** The verdict when the turn has come: nothing else is under way, so what is neither there nor refused is done. */
export function due(state: VmState, request: VmRequest): Verdict {
  const verdict = policy[state][request];
  return verdict.do === "nothing" ? NOTHING : RUN;
}

/** Whether a guest that was given time to power off is given no more of it because of this request. */
export function isImpatient(request: VmRequest): boolean {
  return request === "kill" || request === "delete";
}
