/**
 * The same for several things at once: all are tried at the same time, a bad one stops no other, answers stand in the order in
 * which they were asked for, and the first failure decides the exit status.
 */
import type { AppError } from "@banger/contract/errors";
import type { Context } from "../program/context.ts";
import { asAppError, errorJson, statusOf, writeError } from "./report-error.ts";

export type EachRef<T> = {
  readonly refs: readonly string[];
  readonly json: boolean;
  /** prints nothing of what succeeded */
  readonly quiet?: boolean;
  readonly act: (ref: string) => Promise<T>;
  /** what JSON has for a success; the ref alone when absent */
  readonly view?: (result: T) => unknown;
  /** what is printed of all successes; the refs, one a line, when absent */
  readonly print?: (results: readonly T[]) => void;
};

type Outcome<T> =
  | { readonly ref: string; readonly result: T }
  | { readonly ref: string; readonly error: AppError; readonly status: number };

export async function eachRef<T>(
  context: Context,
  { refs, json, quiet, act, view, print }: EachRef<T>,
): Promise<number> {
  const interruptStatus = context.interrupts.status;
  const attempt = async (ref: string): Promise<Outcome<T>> => {
    try {
      return { ref, result: await act(ref) };
    } catch (thrown) {
      const error = asAppError(thrown);
      return { ref, error, status: statusOf(error, { ofCommand: false, interruptStatus }) };
    }
  };
  const outcomes = await Promise.all([...new Set(refs)].map(attempt));
  const failures = outcomes.filter((outcome) => "error" in outcome);
  if (json) {
    const shown = outcomes.map((outcome) =>
      "error" in outcome
        ? { ref: outcome.ref, error: errorJson(outcome.error) }
        : { ref: outcome.ref, ...(view && { result: view(outcome.result) }) },
    );
    context.out.json({ results: shown });
  } else if (print) print(outcomes.flatMap((outcome) => ("result" in outcome ? [outcome.result] : [])));
  else if (!quiet) for (const outcome of outcomes) if ("result" in outcome) context.out.line(outcome.ref);
  for (const { error, status } of failures) writeError(error, { err: context.err, json, status });
  return failures[0]?.status ?? 0;
}
