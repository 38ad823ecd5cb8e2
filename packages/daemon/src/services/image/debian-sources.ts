/**
 * Where Debian's packages come from on this host: mirror, security mirror and keyring, out of the host's own sources.
 *
 * Third parties' entries are ignored. The suite is the recipe's and not the host's: every mirror carries all of them.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { parseDeb822Sources, parseOneLineSources, type SourceEntry } from "./source-entries.ts";

export type DebianSource = {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly keyring: string;
  /** `no` where the host uses an old snapshot on purpose */
  readonly checkValidUntil: string | undefined;
};

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const RELEASES =
  /^(?:buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)(-updates|-security|\/updates)?$/;
const DEBIAN_COMPONENTS = new Set(["main", "contrib", "non-free", "non-free-firmware"]);

/** All entries in `etcApt` (usually `/etc/apt`), in the order in which apt reads them. */
export async function readHostSources(etcApt: string): Promise<readonly SourceEntry[]> {
  const entries = [...parseOneLineSources(await readText(join(etcApt, "sources.list")))];
  const parts = join(etcApt, "sources.list.d");
  for (const name of (await readdir(parts).catch(() => [])).sort()) {
    if (name.endsWith(".list")) entries.push(...parseOneLineSources(await readText(join(parts, name))));
    if (name.endsWith(".sources")) entries.push(...parseDeb822Sources(await readText(join(parts, name))));
  }
  return await Promise.all(entries.map(resolveMirrorFile));
}

/** The mirror's suite and its updates, and the security suite where the host has one. */
export function chooseDebianSources(
  entries: readonly SourceEntry[],
  { suite, architecture }: { suite: string; architecture: string },
): readonly DebianSource[] {
  const own = entries.filter((entry) => isDebians(entry, architecture));
  const prefer = (wanted: string, candidates: readonly SourceEntry[]) =>
    candidates.find(({ suites }) => suites.includes(wanted)) ?? candidates[0];
  const main = prefer(
    suite,
    own.filter(({ suites }) => suites.some((name) => RELEASES.exec(name) && !/[-/]/.test(name))),
  );
  const security = prefer(
    `${suite}-security`,
    own.filter(({ suites }) => suites.some((name) => /(?:-security|\/updates)$/.test(name))),
  );
  if (!main) {
    throw new AppError("PREREQUISITE_MISSING", "the host's package sources name no Debian mirror", {
      hint: "Add one to /etc/apt/sources.list.d and install debian-archive-keyring.",
    });
  }
  const sources = [toSource(main, [suite, `${suite}-updates`])];
  if (security) sources.push(toSource(security, [`${suite}-security`]));
  return sources;
}

/** As a deb822 file. The image's own copy carries no credentials. */
export function renderSources(sources: readonly DebianSource[], options: { credentials: boolean }): string {
  return sources
    .map(({ uri, suites, keyring, checkValidUntil }) =>
      [
        "Types: deb",
        `URIs: ${options.credentials ? uri : uri.replace(/\/\/[^/@]*@/, "//")}`,
        `Suites: ${suites.join(" ")}`,
        "Components: main",
        `Signed-By: ${keyring}`,
        ...(checkValidUntil === undefined ? [] : [`Check-Valid-Until: ${checkValidUntil}`]),
        "",
      ].join("\n"),
    )
    .join("\n");
}

function isDebians(entry: SourceEntry, architecture: string): boolean {
  const { components, suites, uris, options } = entry;
  const architectures = options.architectures?.split(/\s+/) ?? [architecture];
  const uri = uris[0] ?? "";
  if (!architectures.includes(architecture) || uri === "" || /^(?:cdrom|file|copy):/.test(uri)) return false;
  if (!components.includes("main") || !components.every((name) => DEBIAN_COMPONENTS.has(name))) return false;
  if (!suites.some((name) => RELEASES.test(name))) return false;
  const signedBy = options["signed-by"];
  if (signedBy !== undefined) return /debian-archive-[^/]*$/.test(signedBy);
  // Without a key of its own an entry may be anybody's; those who copy Debian's layout seldom copy its path.
  return suites.every((name) => /(?:-security|\/updates)$/.test(name)) || /\/debian[^/]*\/?$/.test(uri);
}

function toSource(entry: SourceEntry, suites: readonly string[]): DebianSource {
  const signedBy = entry.options["signed-by"];
  const keyring = signedBy !== undefined && /^\/\S+$/.test(signedBy) ? signedBy : KEYRING;
  return { uri: entry.uris[0] ?? "", suites, keyring, checkValidUntil: entry.options["check-valid-until"] };
}

/** `mirror+file:/path` names a file with one mirror a line; the first one is taken. */
async function resolveMirrorFile(entry: SourceEntry): Promise<SourceEntry> {
  const path = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(entry.uris[0] ?? "")?.[1];
  if (path === undefined) return entry;
  const first = /^\s*([a-z+]+:\/\/\S+)/m.exec(await readText(path))?.[1];
  return { ...entry, uris: first === undefined ? [] : [first] };
}

async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => ""); // absent or not for us to read: as if it said nothing
}
