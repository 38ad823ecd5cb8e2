/** Debian's package sources on this host, with the keyring that each is checked with. Third parties' are left out. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { DEBIAN_KEYRING, type DebianSource, type LocatedEntry, pickDebianSources } from "./debian-source.ts";
import { parseDeb822Sources, parseOneLineSources, type SourceEntry } from "./source-entries.ts";

export type AptHost = {
  /** usually /etc/apt */
  readonly etcDir: string;
  /** for sources that name no keyring; the first one that is there */
  readonly keyrings: readonly string[];
};

export const DEBIAN_HOST: AptHost = {
  etcDir: "/etc/apt",
  keyrings: [DEBIAN_KEYRING, DEBIAN_KEYRING.replace(/gpg$/, "pgp")],
};

/** apt itself ignores files with other names. */
const FILE_NAME = /^[A-Za-z0-9_.-]+\.(?:list|sources)$/;

/** In the order in which apt reads them. */
export async function readDebianSources(host: AptHost): Promise<readonly DebianSource[]> {
  const picked = pickDebianSources(await Promise.all((await readEntries(host)).map(locate)));
  if (picked.length === 0) {
    throw new AppError("PREREQUISITE_MISSING", `${host.etcDir} names no Debian package source`, {
      facts: { etcDir: host.etcDir },
      hint: "Add Debian's `deb` line, or a debian.sources file, for the component main.",
    });
  }
  const common = picked.some(({ signedBy }) => signedBy === undefined) ? await findKeyring(host) : "";
  return picked.map(({ signedBy, ...source }) => ({ ...source, keyring: signedBy ?? common }));
}

async function readEntries({ etcDir }: AptHost): Promise<readonly SourceEntry[]> {
  const entries = [...parseOneLineSources(await readText(join(etcDir, "sources.list")))];
  const parts = join(etcDir, "sources.list.d");
  const names = await readdir(parts).catch(() => []); // a host need not have the directory
  for (const name of names.sort()) {
    if (!FILE_NAME.test(name)) continue;
    const text = await readText(join(parts, name));
    entries.push(...(name.endsWith(".sources") ? parseDeb822Sources(text) : parseOneLineSources(text)));
  }
  return entries;
}

async function locate(entry: SourceEntry): Promise<LocatedEntry> {
  const mirrorsOf = new Map<string, readonly string[]>();
  for (const uri of entry.uris) mirrorsOf.set(uri, await readMirrors(uri));
  return { ...entry, mirrorsOf };
}

/** `mirror+file:/path` names a file with one mirror a line; any other is a mirror. */
async function readMirrors(uri: string): Promise<readonly string[]> {
  const path = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1];
  if (path === undefined) return [uri];
  const lines = (await readText(path)).matchAll(/^\s*([a-z+]+:\/\/\S+)/gm);
  return Array.from(lines, ([, mirror = ""]) => mirror);
}

async function findKeyring(host: AptHost): Promise<string> {
  for (const path of host.keyrings) {
    if (await stat(path).catch(() => undefined)) return path; // ENOENT: try the next one
  }
  throw new AppError("PREREQUISITE_MISSING", `there is no ${host.keyrings[0] ?? "Debian keyring"}`, {
    hint: "Install it with `apt-get install debian-archive-keyring`.",
  });
}

async function readText(path: string): Promise<string> {
  return await readFile(path, "utf8").catch(() => ""); // absent, or for root only: then not ours to use
}
