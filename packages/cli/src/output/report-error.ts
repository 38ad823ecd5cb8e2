/** The one place where a failure becomes text and an exit status. Never a stack trace. */
import { AppError, describeChain, errorCatalog } from "@banger/contract/errors";
import { sanitize } from "@banger/contract/guest-text";
import { type Output, OutputClosed, PIPE_STATUS } from "./output.ts";

export type Report = {
  readonly err: Output;
  readonly json: boolean;
  /** the exit status belongs to a command in a machine, so that failures of ours need another */
  readonly ofCommand: boolean;
  /** of the signal that ended it, if one did: 128 + its number */
  readonly interruptStatus: number | undefined;
};

/** What docker uses where its own failure stands in for a command's status. */
const OURS = 125;
const MAX_MESSAGE = 2_000;
const VERBATIM = new Set(["PREREQUISITE_MISSING", "COMMAND_NOT_FOUND", "COMMAND_NOT_EXECUTABLE"]);

/** Writes the failure and returns the exit status. */
export function reportError(error: unknown, report: Report): number {
  if (error instanceof OutputClosed) return PIPE_STATUS;
  const known = asAppError(error);
  const status = statusOf(known, report);
  writeError(known, { ...report, status });
  return status;
}

export function writeError(
  error: AppError,
  { err, json, status }: { err: Output; json: boolean; status: number },
): void {
  const view = errorJson(error);
  if (json) err.line(JSON.stringify({ error: { ...view, status } }));
  else err.write(`banger: ${view.message}\n${view.hint === "" ? "" : `hint: ${view.hint}\n`}`);
}

export function errorJson(error: AppError): { code: string; message: string; hint: string; facts: AppError["facts"] } {
  const { code, message, hint, facts } = error;
  return { code, message: printable(message), hint: printable(hint), facts };
}

/** A message may hold what a guest said; lines of its console are kept apart. */
function printable(text: string): string {
  return sanitize(text, { lines: true, max: MAX_MESSAGE }).trimEnd();
}

export function asAppError(error: unknown): AppError {
  if (AppError.is(error)) return error;
  return new AppError("INTERNAL", `something failed that should not: ${describeChain(error)}`, { cause: error });
}

export function statusOf(error: AppError, { ofCommand, interruptStatus }: Omit<Report, "err" | "json">): number {
  const { exit } = errorCatalog[error.code];
  if (error.code === "CANCELLED") return interruptStatus ?? exit;
  return ofCommand && !VERBATIM.has(error.code) ? OURS : exit;
}
