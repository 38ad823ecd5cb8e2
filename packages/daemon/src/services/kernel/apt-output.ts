/** What apt says on its standard error: progress lines of APT::Status-Fd, and complaints. Pure. */
import { AppError } from "@banger/contract/errors";

/** From 0 to 1, or undefined when the line is not about downloading. */
export function downloadFraction(line: string): number | undefined {
  const percent = /^dlstatus:[^:]*:([0-9.]+):/.exec(line)?.[1];
  return percent === undefined ? undefined : Math.min(1, Math.max(0, Number(percent) / 100));
}

/** Complaints that only say that there were others. */
const SUMMARY = /^[EW]: (?:Some index files failed|Failed to fetch some archives|Unable to fetch some archives)/;

/** The last error, else the last warning, without its letter. */
export function lastComplaint(stderr: string): string {
  const lines = stderr
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !/^(?:dl|pm)status:/.test(line));
  const telling = lines.filter((line) => !SUMMARY.test(line));
  const found =
    telling.findLast((line) => line.startsWith("E: ")) ??
    telling.findLast((line) => line.startsWith("W: ")) ??
    lines.at(-1) ??
    "";
  return found
    .replace(/^[EW]: /, "")
    .replace(/\s+/g, " ")
    .slice(0, 300);
}

export function downloadFailure(what: string, stderr: string): AppError {
  const said = lastComplaint(stderr);
  const facts = { what, said };
  if (/No space left on device|Disk quota exceeded|You don't have enough free space/i.test(stderr)) {
    return new AppError("DISK_FULL", `no space left to download ${what}`, { facts });
  }
  return new AppError("DOWNLOAD_FAILED", `${what} could not be downloaded: ${said || "apt gave no reason"}`, { facts });
}
