/** Reads what apt prints: packages, and how far a download is. Pure. */
import { AppError } from "@banger/contract/errors";
import { ARCHITECTURE } from "./debian-source.ts";

/** As the signed lists have it. */
export type ListedPackage = {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** of the .deb, `bytes` */
  readonly bytes: number;
  readonly sha256: string;
  readonly depends: readonly string[];
};

type ResolvedPackage = Omit<ListedPackage, "sha256" | "depends"> & {
  /** name in apt's archive directory */
  readonly file: string;
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

/** One stanza of `apt-cache show`. */
export function parseListedPackage(text: string, name: string): ListedPackage {
  const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1]?.trim();
  const [version, sha256 = "", bytes] = [field("Version"), field("SHA256"), Number(field("Size"))];
  if (field("Package") !== name || !version || !/^[0-9a-f]{64}$/.test(sha256) || !Number.isSafeInteger(bytes)) {
    throw new AppError("DOWNLOAD_FAILED", `apt does not tell version, size and checksum of the package ${name}`);
  }
  const depends = (field("Depends") ?? "").split(",").map((one) => one.trim());
  return { name, version, sha256, depends, bytes, architecture: field("Architecture") ?? ARCHITECTURE };
}

/** `dlstatus:3:25.0000:Retrieving…` on APT::Status-Fd: the part that is done, 0 to 1. */
export function downloadFraction(line: string): number | undefined {
  const percent = /^dlstatus:[^:]*:([0-9.]+):/.exec(line)?.[1];
  return percent === undefined ? undefined : Math.min(1, Math.max(0, Number(percent) / 100));
}
