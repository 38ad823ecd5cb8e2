import assert from "node:assert/strict";
import { test } from "node:test";
import { parseListFile, parseSourcesFile, renderSources } from "./apt-sources.ts";

test("Debian's own stanzas are taken, comments and other people's are not", () => {
  const text = `Types: deb deb-src
# a snapshot
URIs: http://deb.debian.org/debian
Suites: bookworm bookworm-updates
 bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no

Types: deb
URIs: https://deb.example.com/node_20.x
Suites: nodistro
Components: main
Signed-By: /usr/share/keyrings/example.gpg

Enabled: no
Types: deb
URIs: http://deb.debian.org/debian
Suites: sid
Components: main

Types: deb-src
URIs: http://deb.debian.org/debian
Suites: sid
Components: main
`;
  assert.deepEqual(parseSourcesFile(text), [
    {
      uris: ["http://deb.debian.org/debian"],
      suites: ["bookworm", "bookworm-updates"],
      signedBy: "/usr/share/keyrings/debian-archive-keyring.gpg",
      checkValidUntil: false,
    },
  ]);
});

const LINES = [
  ["deb http://deb.debian.org/debian bookworm main # comment", ["http://deb.debian.org/debian"]],
  [
    "deb [arch=amd64,arm64 check-valid-until=no] http://mirror.lan/debian/ bookworm main contrib",
    ["http://mirror.lan/debian/"],
  ],
  ["deb http://security.debian.org bookworm-security main", ["http://security.debian.org"]],
  ["deb mirror+file:/etc/apt/mirrors/debian.list bookworm main", []],
  [
    "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] mirror+file:/etc/m.list bookworm main",
    ["mirror+file:/etc/m.list"],
  ],
  ["deb [signed-by=/usr/share/keyrings/docker.gpg] https://download.docker.example/linux/debian bookworm main", []],
  ["deb [arch=arm64] http://deb.debian.org/debian bookworm main", []],
  ["deb http://deb.debian.org/debian bookworm contrib non-free", []],
  ["deb http://deb.debian.org/debian bookworm-backports main", []],
  ["deb http://packages.example.com/apt stable main", []],
  ["deb cdrom:[Debian GNU/Linux 12]/ bookworm main", []],
  ["deb http://deb.debian.org/debian ./", []],
  ["# deb http://deb.debian.org/debian bookworm main", []],
  ["deb-src http://deb.debian.org/debian bookworm main", []],
  ["nonsense", []],
] as const;
for (const [line, uris] of LINES) {
  test(`${line}: ${uris.length > 0 ? "taken" : "left out"}`, () => {
    assert.deepEqual(
      parseListFile(line).flatMap((source) => source.uris),
      uris,
    );
  });
}

test("a snapshot's wish about its date is kept in both formats", () => {
  const [source] = parseListFile(
    "deb [check-valid-until=no] http://snapshot.debian.org/archive/debian/1 bookworm main",
  );
  assert.equal(source?.checkValidUntil, false);
});

test("what is written names a keyring for every source, and is read back the same", () => {
  const sources = parseListFile("deb [trusted=yes] http://deb.debian.org/debian bookworm main contrib");
  const text = renderSources(sources, { defaultKeyring: "/usr/share/keyrings/debian-archive-keyring.gpg" });
  assert.match(text, /^Signed-By: \/usr\/share\/keyrings\/debian-archive-keyring\.gpg$/m);
  assert.doesNotMatch(text, /trusted|contrib/i);
  assert.deepEqual(parseSourcesFile(text)[0]?.uris, sources[0]?.uris);
});
