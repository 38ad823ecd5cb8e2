/** What apt-get prints, and what its failures mean. */
import { AppError } from "@banger/contract/errors";
import { ExecError } from "@banger/platform/exec/run";

export type ResolvedPackage = {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** in apt's archive directory */
  readonly file: string;
  /** of the file */
  readonly bytes: number;
};

export type ResolvedPackages = {
  /** sorted by name */
  readonly packages: readonly ResolvedPackage[];
  readonly downloadBytes: number;
  /** apt's own estimate */
  readonly installedBytes: number;
};

const UNITS: Readonly<Record<string, number>> = { B: 1, kB: 1e3, MB: 1e6, GB: 1e9 };

/** `apt-get install --print-uris`: `'URI' FILE BYTES HASH` lines, and the sentence about disk space. */
export function parseResolved(text: string): ResolvedPackages {
  const packages: ResolvedPackage[] = [];
  for (const [, file = "", bytes = ""] of text.matchAll(/^'[^']*' (\S+\.deb) (\d+)/gm)) {
    const [name = "", version = "", architecture = ""] = file
      .replace(/\.deb$/, "")
      .split("_")
      .map(unquoted);
    packages.push({ name, version, architecture, file, bytes: Number(bytes) });
  }
  packages.sort((a, b) => (a.name < b.name ? -1 : 1));
  const space = /^After this operation, ([\d.,]+) ([kMG]?B) of additional disk space/m.exec(text);
  const downloadBytes = packages.reduce((sum, { bytes }) => sum + bytes, 0);
  if (packages.length === 0 || !space) {
    throw new AppError("BUILD_FAILED", "apt-get did not say which packages it would install");
  }
  const installedBytes = Math.round(Number(space[1]?.replaceAll(",", "")) * (UNITS[space[2] ?? "B"] ?? 1));
  return { packages, downloadBytes, installedBytes };
}

function unquoted(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** `dlstatus:3:25.0000:Retrieving…` on APT::Status-Fd: the part that is done, 0 to 1. */
export function parseDownloadStatus(line: string): number | undefined {
  const percent = /^dlstatus:\d+:([\d.]+):/.exec(line)?.[1];
  return percent === undefined ? undefined : Math.min(1, Number(percent) / 100);
}

/** The AppError for a failed apt-get; anything else as it was. */
export function explainApt(error: unknown, { suite, dir }: { suite: string; dir: string }): unknown {
  if (AppError.is(error, "PREREQUISITE_MISSING")) {
    return new AppError("PREREQUISITE_MISSING", "apt-get is not installed: images are built on Debian hosts", {
      facts: error.facts,
      cause: error,
    });
  }
  if (!(error instanceof ExecError) || error.code !== "COMMAND_FAILED") return error;
  const said = error.result.stderr;
  const unknown = /Unable to locate package (\S+)|Couldn't find any package .*'(\S+)'/.exec(said);
  const complaint = lastComplaint(said);
  const options = { facts: { suite, dir }, cause: error };
  if (unknown) {
    const name = unknown[1] ?? unknown[2] ?? "";
    return new AppError("BUILD_FAILED", `Debian ${suite} has no package ${name}`, {
      ...options,
      hint: "Mend the recipe.",
    });
  }
  if (/No space left on device|enough free space/.test(said)) {
    return new AppError("DISK_FULL", `no space left in ${dir} for packages`, options);
  }
  if (/Could not get lock|Unable to lock/.test(said)) {
    return new AppError("BUILD_FAILED", `another build is using ${dir}`, { ...options, hint: "Try again later." });
  }
  if (/Failed to fetch|NO_PUBKEY|not signed|Could not resolve|Unable to fetch/.test(said)) {
    return new AppError("DOWNLOAD_FAILED", `packages of Debian ${suite} could not be fetched: ${complaint}`, options);
  }
  return new AppError("BUILD_FAILED", `apt-get failed: ${complaint}`, options);
}

/** The first `E:` line, or else the last line of all. */
export function lastComplaint(said: string): string {
  const lines = said.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("dlstatus:"));
  return (lines.find((line) => line.startsWith("E: "))?.slice(3) ?? lines.at(-1) ?? "it said nothing").slice(0, 300);
}
