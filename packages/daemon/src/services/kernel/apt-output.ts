/** What apt says on its standard error: progress lines of APT::Status-Fd, and complaints. Pure. */
import { AppError } from "@banger/contract/errors";

/** From 0 to 1, or undefined when the line is not about downloading. */
export function downloadFraction(line: string): number | undefined {
  const percent = /^dlstatus:[^:]*:([0-9.]+):/.exec(line)?.[1];
  return percent === undefined ? undefined : Math.min(1, Math.max(0, Number(percent) / 100));
}

/** The last error, else the last warning, without its letter. */
export function lastComplaint(stderr: string): string {
  const lines = stderr.split("\n").map((line) => line.trim());
  const found =
    lines.findLast((line) => line.startsWith("E: ") && !SUMMARY.test(line)) ??
    lines.findLast((line) => /^[EW]: /.test(line));
  return (found ?? lines.findLast((line) => line !== "" && !/^(?:dl|pm)status:/.test(line)) ?? "")
    .replace(/^[EW]: /, "")
    .slice(0, 300);
}

/** Errors that only say that there were others. */
const SUMMARY = /^E: (?:Some index files failed|Failed to fetch some archives|Unable to fetch some archives)/;

export function downloadFailure(what: string, stderr: string): AppError {
  const said = lastComplaint(stderr);
  const facts = { what, said };
  if (/No space left on device|Disk quota exceeded|You don't have enough free space/i.test(stderr)) {
    return new AppError("DISK_FULL", `no space left to download ${what}`, { facts });
  }
  return new AppError("DOWNLOAD_FAILED", `${what} could not be downloaded: ${said || "apt gave no reason"}`, { facts });
}
