import assert from "node:assert/strict";
import { test } from "node:test";
import { DEBIAN_KEYRING, pickDebianSources, renderSources } from "./debian-source.ts";
import { parseDeb822Sources, parseOneLineSources, type SourceEntry } from "./source-entries.ts";

function pick(entries: readonly SourceEntry[]) {
  return pickDebianSources(
    entries.map((entry) => ({ ...entry, mirrorsOf: new Map(entry.uris.map((uri) => [uri, [uri]])) })),
  );
}

const SIGNED = `signed-by=${DEBIAN_KEYRING}`;
const LINES = [
  ["deb http://mirror.example.org/debian bookworm main # comment", true],
  ["deb [arch=amd64,arm64 check-valid-until=no] http://mirror.lan/debian/ bookworm main contrib", true],
  ["deb [arch+=i386] http://mirror.lan/debian/ bookworm main", true],
  ["deb http://some.debian.org bookworm-security main", true],
  ["deb http://some.debian.org buster/updates main", true],
  ["deb http://old.debian.org/archive/debian/20250520T000000Z bookworm main", true],
  [`deb [${SIGNED}] http://lan/anywhere bookworm main`, true],
  [`deb [${SIGNED}] http://lan/anywhere newest main`, true],
  [`deb [${SIGNED}] file:/srv/mirror bookworm main`, true],
  [`deb [${SIGNED}] http://lan/debian experimental main`, false],
  [`deb [${SIGNED}] http://lan/debian proposed-updates main`, false],
  [`deb [${SIGNED}] cdrom:[Debian]/ bookworm main`, false],
  [`deb [${SIGNED},/usr/share/keyrings/other.gpg] http://lan/debian bookworm main`, false],
  ["deb [signed-by=debian-archive-keyring.gpg] http://lan/debian bookworm main", false],
  ["deb [signed-by=/usr/share/keyrings/docker.gpg] https://download.docker.test/linux/debian bookworm main", false],
  ["deb [signed-by=/etc/apt/keyrings/docker.gpg] https://docker.test/linux/debian bookworm stable", false],
  ["deb [arch=arm64] http://mirror.example.org/debian bookworm main", false],
  ["deb http://mirror.example.org/debian bookworm contrib non-free", false],
  ["deb http://mirror.example.org/debian bookworm-backports main", false],
  ["deb http://lan/debian newest main", false],
  ["deb https://multimedia.test bookworm main non-free", false],
  ["deb http://lan/debian bookworm main extra", false],
  ["deb http://pgdg.test/debian bookworm-pgdg main", false],
  ["deb http://packages.example.com/apt stable main", false],
  ["deb http://mirror.example.org/debian ./", false],
] as const;
for (const [line, taken] of LINES) {
  test(`${line}: ${taken ? "taken" : "left out"}`, () => {
    assert.equal(pick(parseOneLineSources(line)).length, taken ? 1 : 0);
  });
}

test("of Debian's own stanzas the releases are taken, with keyring and date check", () => {
  const text = `Types: deb
URIs: http://mirror.example.org/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: ${DEBIAN_KEYRING}
Check-Valid-Until: False

Types: deb
URIs: https://deb.example.com/node_20.x http://mirror.example.org/debian
Suites: sid
Components: main
`;
  const uris = ["http://mirror.example.org/debian"];
  assert.deepEqual(pick(parseDeb822Sources(text)), [
    {
      uris,
      mirrors: uris,
      suites: ["bookworm", "bookworm-updates"],
      signedBy: DEBIAN_KEYRING,
      checkValidUntil: false,
    },
    { uris, mirrors: uris, suites: ["sid"], signedBy: undefined, checkValidUntil: true },
  ]);
});

test("what is written names a keyring and trusts nothing else, and is read back the same", () => {
  const line =
    "deb [trusted=yes allow-insecure=yes check-valid-until=no] http://mirror.example.org/debian bookworm main contrib";
  const sources = pick(parseOneLineSources(line)).map((source) => ({ ...source, keyring: DEBIAN_KEYRING }));
  const text = renderSources(sources);
  assert.match(text, /^Signed-By: \/usr\/share\/keyrings\/debian-archive-keyring\.gpg$/m);
  assert.match(text, /^Check-Valid-Until: no$/m);
  assert.doesNotMatch(text, /trusted|insecure|contrib/i);
  const [again] = pick(parseDeb822Sources(text));
  assert.deepEqual(again, { ...pick(parseOneLineSources(line))[0], signedBy: DEBIAN_KEYRING });
});
