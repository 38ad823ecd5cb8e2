/** How the host's apt gets to its mirrors, as lines for an apt.conf. */
import type { Exec } from "@banger/platform/exec/run";
import { explainApt } from "./apt-failure.ts";

/**
 * Proxies, certificates, how much time a mirror is given, and what the host thinks of dates. Never what turns a check
 * of a peer off, a hook, or `Proxy-Auto-Detect`, which runs a program.
 */
const SETTING = new RegExp(
  `^Acquire::(?:${[
    "(?:https?|ftp)::(?:[^:\\s]+::)?(?:Proxy|Timeout|No-Cache|Pipeline-Depth|CAInfo|CAPath|CRLFile|IssuerCert|SslCert|SslKey)",
    "(?:https?|ftp)::(?:Proxy|Timeout|CAInfo|CAPath)::\\S+",
    "Retries|ForceIPv[46]|Check-Valid-Until|Check-Date|Max-FutureTime",
  ].join("|")}) "[^"\\n]+";$`,
  "i",
);
const DEADLINE_MS = 2 * 60_000;

export async function readNetworkSettings(exec: Exec, { signal }: { signal: AbortSignal }): Promise<readonly string[]> {
  try {
    const { stdout } = await exec.run(["apt-config", "dump", "Acquire"], { signal, deadlineMs: DEADLINE_MS });
    return parseNetworkSettings(stdout.toString());
  } catch (error) {
    throw explainApt(error, { what: "the host's configuration of apt", of: "Debian", code: "BUILD_FAILED" });
  }
}

/** Picks those lines out of `apt-config dump`. */
export function parseNetworkSettings(dump: string): readonly string[] {
  return dump.split("\n").filter((line) => SETTING.test(line));
}
