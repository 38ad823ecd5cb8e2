/** Reads what of the host's apt may be used: Debian's sources and keyring, and how to get through its network. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import { type DebianSource, parseListFile, parseSourcesFile } from "./apt-sources.ts";

export type AptHost = {
  /** `/etc/apt` */
  readonly etcDir: string;
  /** the keyring for sources that name none; the first one that is there */
  readonly keyrings: readonly string[];
};

export const DEBIAN_HOST: AptHost = {
  etcDir: "/etc/apt",
  keyrings: ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"],
};

/** apt itself ignores files with other names. */
const FILE_NAME = /^[A-Za-z0-9_.-]+\.(?:list|sources)$/;
/** Proxies, certificates, and how much time a mirror is given; never a hook, a directory or a trust setting. */
const NETWORK_SETTING =
  /^Acquire::(?:(?:http|https|ftp)::(?:Proxy(?:-Auto-Detect)?|ProxyAutoDetect|Timeout|CAInfo|CAPath|CRLFile|IssuerCert|SslCert|SslKey|Verify-Peer|Verify-Host|(?:Proxy|CAInfo|CAPath|Timeout)::\S+)|Retries|ForceIPv4|ForceIPv6|Check-Valid-Until|Check-Date|Max-FutureTime) "/i;
const TURNS_CHECKS_OFF = /::(?:Verify-Peer|Verify-Host) "/i;
const DEADLINE_MS = 2 * 60_000;

export async function readDebianSources(host: AptHost): Promise<readonly DebianSource[]> {
  const files = [join(host.etcDir, "sources.list")];
  const parts = join(host.etcDir, "sources.list.d");
  const names = await readdir(parts).catch(() => []); // a host need not have the directory
  for (const name of names.sort()) if (FILE_NAME.test(name)) files.push(join(parts, name));
  const sources: DebianSource[] = [];
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => ""); // absent, or for root only: then not ours to use
    sources.push(...(file.endsWith(".sources") ? parseSourcesFile(text) : parseListFile(text)));
  }
  if (sources.length > 0) return sources;
  throw new AppError("DOWNLOAD_FAILED", `${host.etcDir} names no Debian package source`, {
    facts: { etcDir: host.etcDir },
    hint: "Add Debian's `deb` line, or a debian.sources file, for the component main.",
  });
}

export async function findKeyring(host: AptHost): Promise<string> {
  for (const path of host.keyrings) {
    if (await stat(path).catch(() => undefined)) return path; // ENOENT: try the next one
  }
  throw new AppError("PREREQUISITE_MISSING", `there is no ${host.keyrings[0] ?? "Debian keyring"}`, {
    hint: "Install it with `apt-get install debian-archive-keyring`.",
  });
}

/** Lines for an apt.conf. */
export async function readNetworkSettings(exec: Exec, { signal }: { signal: AbortSignal }): Promise<readonly string[]> {
  const result = await exec.run(["apt-config", "dump"], { signal, check: false, deadlineMs: DEADLINE_MS });
  return result.stdout
    .toString()
    .split("\n")
    .filter((line) => NETWORK_SETTING.test(line) && !TURNS_CHECKS_OFF.test(line) && !line.endsWith(' "";'));
}
