/**
 * The sources of one Debian release, which need not be the host's: every mirror carries all of them. Pure.
 */
import { AppError } from "@banger/contract/errors";
import { DEBIAN_KEYRING, type DebianSource } from "./debian-source.ts";

/** The mirror's suite and its updates, and the security suite where the host has one. */
export function sourcesOfSuite(host: readonly DebianSource[], suite: string): readonly DebianSource[] {
  const remote = host.filter(({ mirrors }) => !/^(?:file|copy):/.test(mirrors[0] ?? "file:"));
  const prefer = (wanted: string, isMeant: RegExp) => {
    const candidates = remote.filter(({ suites }) => suites.some((name) => isMeant.test(name)));
    return candidates.find(({ suites }) => suites.includes(wanted)) ?? candidates[0];
  };
  const main = prefer(suite, /^[a-z]+$/);
  const security = prefer(`${suite}-security`, /(?:-security|\/updates)$/);
  if (!main) {
    throw new AppError("PREREQUISITE_MISSING", "the host's package sources name no Debian mirror", {
      hint: "Add one to /etc/apt/sources.list.d and install debian-archive-keyring.",
    });
  }
  return [
    withSuites(main, [suite, `${suite}-updates`]),
    ...(security ? [withSuites(security, [`${suite}-security`])] : []),
  ];
}

/** As a system of its own has them: without credentials, and with the keyring where Debian's package keeps it. */
export function publicSources(sources: readonly DebianSource[]): readonly DebianSource[] {
  const publicly = (uri: string) => uri.replace(/\/\/[^/@]*@/, "//");
  return sources.map((source) => ({
    ...source,
    uris: source.uris.map(publicly),
    mirrors: source.mirrors.map(publicly),
    keyring: DEBIAN_KEYRING,
  }));
}

function withSuites(source: DebianSource, suites: readonly string[]): DebianSource {
  const mirrors = source.mirrors.slice(0, 1);
  return { ...source, uris: mirrors, mirrors, suites };
}
