/**
 * The whole admission policy for machines, as data. No effects here; the service executes verdicts.
 *
 *                                  paused
 *                            pause ▲   │ resume
 *   stopped ──start──▶ starting ──▶ running ──stop──▶ stopping ──▶ stopped
 *      │                  └───────▶ failed ◀──────────────┘
 *      └──delete──▶ (gone), from every state: what runs is interrupted or ended first
 *
 * Asking twice for the same thing is never an error.
 */
import type { VmState } from "@banger/contract/daemon/vm";

/** What changes a machine; each has its turn in the machine's queue. */
export type VmRequest = "start" | "stop" | "kill" | "restart" | "delete" | "pause" | "resume" | "reset";

export type Verdict =
  | { readonly do: "run" }
  /** wait for the operation that is already on the way there */
  | { readonly do: "join" }
  /** already there */
  | { readonly do: "nothing" }
  /** cancel the operation under way, then run */
  | { readonly do: "interrupt" }
  /** something else is under way, and asking later may help */
  | { readonly do: "deny"; readonly because: "busy" }
  /** this is nothing for a machine in that state */
  | { readonly do: "deny"; readonly because: "state" };

const RUN: Verdict = { do: "run" };
const JOIN: Verdict = { do: "join" };
const NOTHING: Verdict = { do: "nothing" };
const INTERRUPT: Verdict = { do: "interrupt" };
const BUSY: Verdict = { do: "deny", because: "busy" };
const NEVER: Verdict = { do: "deny", because: "state" };

export const policy: Record<VmState, Record<VmRequest, Verdict>> = {
  stopped: {
    ...{ start: RUN, stop: NOTHING, kill: NOTHING, restart: RUN, delete: RUN },
    ...{ pause: NEVER, resume: NEVER, reset: RUN },
  },
  starting: {
    ...{ start: JOIN, stop: INTERRUPT, kill: INTERRUPT, restart: JOIN, delete: INTERRUPT },
    ...{ pause: BUSY, resume: BUSY, reset: BUSY },
  },
  running: {
    ...{ start: NOTHING, stop: RUN, kill: RUN, restart: RUN, delete: RUN },
    ...{ pause: RUN, resume: NOTHING, reset: RUN },
  },
  paused: {
    ...{ start: NEVER, stop: RUN, kill: RUN, restart: RUN, delete: RUN },
    ...{ pause: NOTHING, resume: RUN, reset: RUN },
  },
  stopping: {
    ...{ start: BUSY, stop: JOIN, kill: JOIN, restart: BUSY, delete: RUN },
    ...{ pause: BUSY, resume: BUSY, reset: BUSY },
  },
  failed: {
    ...{ start: RUN, stop: RUN, kill: RUN, restart: RUN, delete: RUN },
    ...{ pause: NEVER, resume: NEVER, reset: RUN },
  },
};

const startUnderWay: Record<VmRequest, Verdict> = {
  ...{ start: JOIN, stop: INTERRUPT, kill: INTERRUPT, restart: JOIN, delete: INTERRUPT },
  ...{ pause: BUSY, resume: BUSY, reset: BUSY },
};
const stopUnderWay: Record<VmRequest, Verdict> = {
  ...{ start: BUSY, stop: JOIN, kill: JOIN, restart: BUSY, delete: RUN },
  ...{ pause: BUSY, resume: BUSY, reset: BUSY },
};
/** over in no time, so that others wait for their turn */
const briefly: Record<VmRequest, Verdict> = {
  ...{ start: RUN, stop: RUN, kill: RUN, restart: RUN, delete: RUN },
  ...{ pause: RUN, resume: RUN, reset: RUN },
};

/** The verdict on a request by what holds the machine's queue or waits in it: a row for what is under way. */
export const encounter: Record<VmRequest, Record<VmRequest, Verdict>> = {
  start: startUnderWay,
  restart: startUnderWay,
  reset: { ...startUnderWay, start: BUSY, restart: BUSY, reset: JOIN },
  stop: stopUnderWay,
  kill: stopUnderWay,
  delete: { ...stopUnderWay, delete: JOIN },
  pause: { ...briefly, pause: JOIN },
  resume: { ...briefly, resume: JOIN },
};

/**
 * The verdict on a request that arrives while `current` holds the machine's queue or waits in it.
 *
 * What is under way counts for more than the state, which changes only when its turn has come: a machine that somebody
 * has asked to delete is not started again, and only what leads to a start is ever interrupted.
 */
export function admit(state: VmState, request: VmRequest, current: VmRequest | undefined): Verdict {
  return current === undefined ? due(state, request) : encounter[current][request];
}

/**
 * The verdict when nothing else is under way: what is neither there nor refused is done.
 *
 * Nobody is there to be joined, interrupted or in the way, but a machine that ended by itself may still be cleaned up: what
 * comes meanwhile waits for its turn, and is judged again then.
 */
export function due(state: VmState, request: VmRequest): Verdict {
  const verdict = policy[state][request];
  if (verdict.do === "nothing") return NOTHING;
  return verdict.do === "deny" && verdict.because === "state" ? verdict : RUN;
}

/** Whether a guest that was given time to power off is given no more of it because of this request. */
export function isImpatient(request: VmRequest): boolean {
  return request === "kill" || request === "delete";
}

/** Whether the machine has a VMM that somebody could talk to, be its guest held or not. */
export function isUp(state: VmState): boolean {
  return state === "running" || state === "paused";
}
