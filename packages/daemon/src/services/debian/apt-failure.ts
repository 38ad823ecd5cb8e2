/** What apt's failures mean. Its texts are English here: programs run in the C locale. */
import { AppError } from "@banger/contract/errors";
import { ExecError } from "@banger/platform/exec/run";
import { saysOutOfSpace } from "../storage/out-of-space.ts";

/** Complaints that only say that there were others. */
const SUMMARY = /^[EW]: (?:Some index files failed|Failed to fetch some archives|Unable to fetch some archives)/;
const NO_PACKAGE = /Unable to locate package (\S+)|Couldn't find any package .*'(\S+)'/;

/** The first error that says why, else the last warning that does, else the last line of all; without its letter. */
export function complaintOf(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(?:dl|pm)status:/.test(line));
  const telling = lines.filter((line) => !SUMMARY.test(line));
  const found =
    telling.find((line) => line.startsWith("E: ")) ??
    telling.findLast((line) => line.startsWith("W: ")) ??
    lines.at(-1) ??
    "it said nothing";
  return found
    .replace(/^[EW]: /, "")
    .replace(/\s+/g, " ")
    .slice(0, 300);
}

export type AptCall = {
  /** what the call was to get */
  readonly what: string;
  /** whose packages they are: `Debian bookworm` */
  readonly of: string;
  /** for failures that say nothing more special */
  readonly code: "DOWNLOAD_FAILED" | "BUILD_FAILED";
};

/** The AppError for a failed call of apt; anything else, such as its cancelling, as it was. */
export function explainApt(error: unknown, { what, of, code }: AptCall): unknown {
  if (AppError.is(error, "PREREQUISITE_MISSING")) {
    return new AppError("PREREQUISITE_MISSING", `${error.facts.program ?? "apt"} is not installed`, {
      facts: error.facts,
      hint: "Debian's packages are fetched by apt, on a Debian host.",
      cause: error,
    });
  }
  if (!(error instanceof ExecError) || error.code !== "COMMAND_FAILED") return error;
  const { stderr } = error.result;
  const said = complaintOf(stderr);
  const options = { facts: { what, said }, cause: error };
  if (saysOutOfSpace(stderr)) return new AppError("DISK_FULL", `no space left for ${what}`, options);
  if (/Could not get lock|Unable to lock/.test(stderr)) {
    const hint = "Try again when it has finished.";
    return new AppError("BUILD_FAILED", `another process is fetching packages of ${of}`, { ...options, hint });
  }
  const unknown = NO_PACKAGE.exec(stderr);
  if (unknown) {
    const hint = code === "BUILD_FAILED" ? { hint: "Mend the recipe." } : {};
    return new AppError(code, `${of} has no package ${unknown[1] ?? unknown[2] ?? ""}`, { ...options, ...hint });
  }
  return new AppError(code, `apt could not get ${what}: ${said}`, options);
}
