/**
 * Picks Debian's own package sources out of a host's. Pure.
 *
 * Whether a source is really Debian's is decided by its signature, later and by apt itself; here those are left out that
 * say by themselves that they are not, so that nobody else's server is asked.
 */
import { type SourceEntry, saysNo } from "./source-entries.ts";

export type DebianSource = {
  /** as the host has them, for apt */
  readonly uris: readonly string[];
  /** where they lead: files that name mirrors are resolved */
  readonly mirrors: readonly string[];
  readonly suites: readonly string[];
  /** the only file whose keys count */
  readonly keyring: string;
  /** false where the host said so, as one does for snapshots */
  readonly checkValidUntil: boolean;
};
/** Without a keyring where the host names none. */
type PickedSource = Omit<DebianSource, "keyring"> & { readonly signedBy: string | undefined };
export type LocatedEntry = SourceEntry & {
  /** for each of `uris`: itself, or the mirrors that the file it names has */
  readonly mirrorsOf: ReadonlyMap<string, readonly string[]>;
};

export const ARCHITECTURE = "amd64";
export const DEBIAN_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const COMPONENT = "main";
const COMPONENTS = new Set([COMPONENT, "contrib", "non-free", "non-free-firmware"]);
const SUITE = /^([a-z]+)(?:-updates|-security|\/updates)?$/;
const NO_RELEASE = new Set(["experimental", "proposed"]);
const RELEASE = /^(?:buster|bullseye|bookworm|trixie|forky|duke|sid|oldoldstable|oldstable|stable|testing|unstable)$/;
const KEYRING = /^\/(?:\S*\/)?debian-archive-[a-z0-9.-]*\.(?:gpg|pgp|asc)$/;
/** Without a keyring named, a Debian archive is told by where its mirrors keep it. */
const LOCATION = /\bdebian\.org(?:[/:]|$)|\/debian(?:-security|-archive)?(?:\/|$)/;

export function pickDebianSources(entries: readonly LocatedEntry[]): readonly PickedSource[] {
  return entries.flatMap(pick);
}

function pick({ uris, suites, components, options, mirrorsOf }: LocatedEntry): readonly PickedSource[] {
  if (!components.includes(COMPONENT) || !components.every((name) => COMPONENTS.has(name))) return [];
  if (!(options.get("architectures") ?? [ARCHITECTURE]).includes(ARCHITECTURE)) return [];
  const signers = options.get("signed-by") ?? [];
  const [signedBy] = signers;
  if (signedBy !== undefined && (signers.length > 1 || !KEYRING.test(signedBy))) return [];
  const isOurs = (suite: string) => {
    const release = SUITE.exec(suite)?.[1] ?? "";
    return release !== "" && !NO_RELEASE.has(release) && (signedBy !== undefined || RELEASE.test(release));
  };
  const isPlace = (uri: string) =>
    /^[a-z0-9+]+:\/?\S+$/.test(uri) && !uri.startsWith("cdrom:") && (signedBy !== undefined || LOCATION.test(uri));
  const ours = uris.filter((uri) => (mirrorsOf.get(uri)?.length ?? 0) > 0 && mirrorsOf.get(uri)?.every(isPlace));
  const wanted = suites.filter(isOurs);
  if (ours.length === 0 || wanted.length === 0) return [];
  return [
    {
      uris: ours,
      mirrors: ours.flatMap((uri) => mirrorsOf.get(uri) ?? []),
      suites: wanted,
      signedBy,
      checkValidUntil: !saysNo(options, "check-valid-until"),
    },
  ];
}

/** As a deb822 file that names a keyring for every source, so that no other key counts. */
export function renderSources(sources: ReadonlyArray<Omit<DebianSource, "mirrors">>): string {
  return sources
    .map(({ uris, suites, keyring, checkValidUntil }) =>
      [
        "Types: deb",
        `URIs: ${uris.join(" ")}`,
        `Suites: ${suites.join(" ")}`,
        `Components: ${COMPONENT}`,
        `Signed-By: ${keyring}`,
        ...(checkValidUntil ? [] : ["Check-Valid-Until: no"]),
        "",
      ].join("\n"),
    )
    .join("\n");
}
