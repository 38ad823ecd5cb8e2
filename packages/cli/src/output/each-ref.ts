/**
 * The same for several things at once: they are looked up at one moment, what means the same thing is done once, all are tried
 * at the same time, a bad one stops no other, answers stand in the order in which they were asked for, and the first failure
 * decides the exit status.
 */
import type { ResolvedRef } from "@banger/contract/daemon/ref";
import type { AppError } from "@banger/contract/errors";
import { appErrorOf } from "@banger/sdk/app-error";
import type { BangerClient } from "@banger/sdk/client";
import { resolveRefs } from "@banger/sdk/refs";
import type { Context } from "../program/context.ts";
import { asAppError, errorJson, statusOf, writeError } from "./report-error.ts";

export type EachRef<T> = {
  readonly refs: readonly string[];
  /** what several of them mean; asked once, and not for a single one */
  readonly resolve: (refs: readonly string[]) => Promise<readonly ResolvedRef[]>;
  readonly json: boolean;
  /** prints nothing of what succeeded */
  readonly quiet?: boolean;
  /** is given an id where there are several */
  readonly act: (ref: string) => Promise<T>;
  /** what JSON has for a success; the ref alone when absent */
  readonly view?: (result: T) => unknown;
  /** what is printed of all successes; the refs, one a line, when absent */
  readonly print?: (results: readonly T[]) => void;
};

type Outcome<T> =
  | { readonly ref: string; readonly result: T }
  | { readonly ref: string; readonly error: AppError; readonly status: number };

export async function eachRef<T>(context: Context, each: EachRef<T>): Promise<number> {
  const { json, quiet, act, view, print } = each;
  const interruptStatus = context.interrupts.status;
  const attempt = async (resolved: ResolvedRef): Promise<Outcome<T>> => {
    const { ref } = resolved;
    try {
      if ("error" in resolved) throw appErrorOf(resolved.error);
      return { ref, result: await act(resolved.id) };
    } catch (thrown) {
      const error = asAppError(thrown);
      return { ref, error, status: statusOf(error, { ofCommand: false, interruptStatus }) };
    }
  };
  const outcomes = await Promise.all((await distinct(each)).map(attempt));
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

type EachMachine<T> = Omit<EachRef<T>, "resolve" | "act"> & {
  readonly act: (client: BangerClient, ref: string) => Promise<T>;
};

/** The same for machines, with a connection to the daemon. */
export async function eachMachine<T>(context: Context, { act, ...each }: EachMachine<T>): Promise<number> {
  const client = await context.daemon.connect();
  const resolve = (refs: readonly string[]) => resolveRefs(client, { kind: "machine", refs });
  return await eachRef(context, { ...each, resolve, act: (ref) => act(client, ref) });
}

/** Each thing once, under the ref that came first; what means nothing is told for each ref. */
async function distinct<T>({ refs, resolve }: EachRef<T>): Promise<readonly ResolvedRef[]> {
  const [first, ...others] = new Set(refs);
  if (first === undefined) return [];
  if (others.length === 0) return [{ ref: first, id: first }];
  const seen = new Set<string>();
  return (await resolve([first, ...others])).filter((resolved) => {
    const repeated = "id" in resolved && seen.has(resolved.id);
    if ("id" in resolved) seen.add(resolved.id);
    return !repeated;
  });
}
