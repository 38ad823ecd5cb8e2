/**
 * Deadlines: a wait ends by its result, by the caller's signal, or by its own time, and says what it waited for.
 */
import { AppError } from "@banger/contract/errors";

/** Signal that aborts with the caller's reason, or after `ms` with a TIMEOUT that names `what`. Dispose it when done. */
export type Deadline = Disposable & { readonly signal: AbortSignal };

export function startDeadline(outer: AbortSignal | undefined, options: { ms: number; what: string }): Deadline {
  const { ms, what } = options;
  const controller = new AbortController();
  const onOuter = () => controller.abort(outer?.reason);
  const timer = setTimeout(() => {
    controller.abort(new AppError("TIMEOUT", `waited ${ms} ms for ${what}`, { facts: { what, deadlineMs: ms } }));
  }, ms);
  if (outer?.aborted) onOuter();
  else outer?.addEventListener("abort", onOuter, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      outer?.removeEventListener("abort", onOuter);
    },
  };
}

/**
 * Runs `work` with a signal that also aborts at the deadline. Rejects at once when that happens, even if `work` does
 * not listen; its late result is then dropped.
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  options: { signal?: AbortSignal | undefined; ms: number; what: string },
): Promise<T> {
  using deadline = startDeadline(options.signal, options);
  return await raceAbort(work(deadline.signal), deadline.signal);
}

/** The promise's outcome, or the signal's reason if that comes first. */
export async function raceAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    // The signal is asked first, so that what is aborted already does not depend on who is quicker.
    return await Promise.race([aborted, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
