/**
 * The errors of talking to a guest. What a guest says appears in them through the sanitizer only.
 */
import { AppError } from "@banger/contract/errors";
import { errnoName } from "@banger/contract/guest/errno";
import type { GuestText } from "@banger/contract/guest-text";
import { startDeadline } from "@banger/platform/time/deadline";

export type Waiting = {
  readonly signal?: AbortSignal | undefined;
  /** time for the guest to answer */
  readonly deadlineMs?: number | undefined;
  /** does not wait for `alone`: this is what the others wait for */
  readonly ahead?: boolean | undefined;
};

/** generous: a guest under pure emulation on a busy host answers late, not never */
export const ANSWER_DEADLINE_MS = 30_000;

/** The guest broke the protocol. `what` has only our own words and numbers in it. */
export function protocolBroken(what: string, cause?: unknown): AppError {
  return new AppError("GUEST_PROTOCOL", `the guest's agent broke the protocol: ${what}`, { cause });
}

export function guestSilent(what: string, deadlineMs: number): AppError {
  return new AppError("GUEST_SILENT", `the guest's agent did not answer ${what} within ${deadlineMs} ms`, {
    facts: { what, deadlineMs },
    hint: "`banger logs` has its console; `banger stop` and `banger delete` need no answer of it.",
  });
}

export function guestRefused(options: { what: string; errno: number; text?: GuestText | undefined }): AppError {
  const { what, errno, text } = options;
  const name = errnoName(errno);
  const said = text?.printable({ max: 300 }) ?? "";
  const reason = said === "" ? name : `${said} (${name})`;
  const facts = { errno, errnoName: name, reason };
  return new AppError("GUEST_REFUSED", `the guest refused ${what}: ${reason}`, { facts });
}

/** Runs `work` until its result, the caller's signal, or the deadline, which is a GUEST_SILENT that names `what`. */
export async function withGuestDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: Waiting & { what: string },
): Promise<T> {
  const { what, deadlineMs = ANSWER_DEADLINE_MS } = options;
  using deadline = startDeadline(options.signal, { ms: deadlineMs, what });
  try {
    return await work(deadline.signal);
  } catch (error) {
    if (deadline.signal.aborted && error === deadline.signal.reason && !options.signal?.aborted) {
      throw guestSilent(what, deadlineMs);
    }
    throw error;
  }
}
