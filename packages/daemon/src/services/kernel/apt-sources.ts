/**
 * Picks Debian's own package sources out of a host's, in both of apt's formats. Pure.
 *
 * Whether a source is really Debian's is decided by its signature, later and by apt itself; here only those are left
 * out that say by themselves that they are not, so that nobody else's server is asked.
 */

export type DebianSource = {
  readonly uris: readonly string[];
  readonly suites: readonly string[];
  /** path of the keyring that the host names for it, if any */
  readonly signedBy: string | undefined;
  /** false where the host said so, as one does for snapshots */
  readonly checkValidUntil: boolean;
};

type Fields = ReadonlyMap<string, readonly string[]>;

const COMPONENT = "main";
const ARCHITECTURE = "amd64";
/** Not for a default kernel, even if the host has them. */
const UNWANTED_SUITE = /backports|experimental|proposed-updates|^rc-buggy/;
const DEBIAN_KEYRING = /(?:^|\/)debian-archive-[a-z0-9.-]*\.(?:gpg|pgp|asc)$/;
/** Without a keyring named, a Debian archive is told by where its mirrors keep it. */
const DEBIAN_LOCATION = /\bdebian\.org(?:[/:]|$)|\/debian(?:-security|-archive)?(?:\/|$)/;

/** Of a `.list` file. */
export function parseListFile(text: string): readonly DebianSource[] {
  return text.split("\n").flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]+)/.exec(line);
    if (!match) return [];
    const [, options = "", uri = "", suite = "", components = ""] = match;
    const fields = new Map<string, readonly string[]>([
      ["types", ["deb"]],
      ["uris", [uri]],
      ["suites", [suite]],
      ["components", words(components)],
    ]);
    for (const [, key = "", value = ""] of options.matchAll(/([\w-]+)[+-]?=(\S*)/g)) {
      fields.set(key === "arch" ? "architectures" : key.toLowerCase(), value.split(","));
    }
    return debianSource(fields);
  });
}

/** Of a `.sources` file: stanzas of fields, which may go on in indented lines; comments may stand anywhere. */
export function parseSourcesFile(text: string): readonly DebianSource[] {
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  return lines
    .join("\n")
    .split(/\n\s*\n/)
    .flatMap((stanza) => {
      const fields = new Map<string, readonly string[]>();
      for (const [, key = "", value = ""] of stanza.matchAll(/^([\w-]+):((?:.*)(?:\n[ \t]+.*)*)/gm)) {
        fields.set(key.toLowerCase(), words(value));
      }
      return debianSource(fields);
    });
}

function debianSource(fields: Fields): readonly DebianSource[] {
  const of = (key: string) => fields.get(key) ?? [];
  if (!of("types").includes("deb") || says(fields, "enabled", false) || !of("components").includes(COMPONENT))
    return [];
  if (fields.has("architectures") && !of("architectures").includes(ARCHITECTURE)) return [];
  const suites = of("suites").filter((suite) => !UNWANTED_SUITE.test(suite) && !suite.endsWith("/"));
  const signers = of("signed-by");
  const signedBy = signers.length === 1 ? signers[0] : undefined;
  if (signers.length > 0 && (signedBy === undefined || !DEBIAN_KEYRING.test(signedBy))) return [];
  const uris = of("uris").filter((uri) => /^[a-z0-9+]+:\/?\S+$/.test(uri) && !uri.startsWith("cdrom:"));
  const ours = signedBy === undefined ? uris.filter((uri) => DEBIAN_LOCATION.test(uri)) : uris;
  if (ours.length === 0 || suites.length === 0) return [];
  return [{ uris: ours, suites, signedBy, checkValidUntil: !says(fields, "check-valid-until", false) }];
}

function says(fields: Fields, key: string, value: boolean): boolean {
  const said = fields.get(key)?.[0]?.toLowerCase();
  return said !== undefined && (value ? ["yes", "true", "1"] : ["no", "false", "0"]).includes(said);
}

function words(text: string): readonly string[] {
  return text.split(/\s+/).filter(Boolean);
}

/** As a `.sources` file that names a keyring for every source, so that no other key counts. */
export function renderSources(sources: readonly DebianSource[], options: { defaultKeyring: string }): string {
  return sources
    .map((source) =>
      [
        "Types: deb",
        `URIs: ${source.uris.join(" ")}`,
        `Suites: ${source.suites.join(" ")}`,
        `Components: ${COMPONENT}`,
        `Architectures: ${ARCHITECTURE}`,
        `Signed-By: ${source.signedBy ?? options.defaultKeyring}`,
        ...(source.checkValidUntil ? [] : ["Check-Valid-Until: no"]),
        "",
      ].join("\n"),
    )
    .join("\n");
}
