import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chooseDebianSources, readHostSources, renderSources } from "./debian-sources.ts";
import { parseDeb822Sources, parseOneLineSources } from "./source-entries.ts";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const wanted = { suite: "bookworm", architecture: "amd64" };

const DEB822 = `Types: deb
# an older snapshot
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: ${KEYRING}

Types: deb
URIs: http://security.test/debian-security
Suites: bookworm-security
Components: main
Signed-By: ${KEYRING}
`;
const THIRD_PARTIES = `deb [signed-by=/etc/apt/keyrings/docker.gpg] https://docker.test/linux/debian bookworm stable
deb https://multimedia.test bookworm main non-free
deb http://pgdg.test/debian bookworm-pgdg main
deb [signed-by=/usr/share/keyrings/other.gpg] http://other.test/debian bookworm main
# deb http://commented.test/debian bookworm main
`;

test("deb822 and one-line sources name the same mirrors", () => {
  const lines = `deb [signed-by=${KEYRING}] http://mirror.test/debian bookworm main
deb-src http://mirror.test/debian bookworm main
deb [ arch=amd64,arm64 signed-by=${KEYRING} ] http://security.test/debian-security bookworm-security main # updates
`;
  const expected = [
    { uri: "http://mirror.test/debian", suites: ["bookworm", "bookworm-updates"] },
    { uri: "http://security.test/debian-security", suites: ["bookworm-security"] },
  ].map((source) => ({ ...source, keyring: KEYRING, checkValidUntil: undefined }));
  assert.deepEqual(chooseDebianSources(parseDeb822Sources(DEB822), wanted), expected);
  assert.deepEqual(chooseDebianSources(parseOneLineSources(lines), wanted), expected);
});

test("third parties' entries are ignored", () => {
  const entries = [...parseOneLineSources(THIRD_PARTIES), ...parseDeb822Sources(DEB822)];
  const uris = chooseDebianSources(entries, wanted).map(({ uri }) => uri);
  assert.deepEqual(uris, ["http://mirror.test/debian", "http://security.test/debian-security"]);
  assert.throws(() => chooseDebianSources(parseOneLineSources(THIRD_PARTIES), wanted), {
    code: "PREREQUISITE_MISSING",
  });
});

test("the suite is the recipe's, whatever the host runs", () => {
  const host = `deb http://old.test/debian trixie main contrib non-free-firmware
deb http://old.test/debian-security trixie-security main
`;
  assert.deepEqual(
    chooseDebianSources(parseOneLineSources(host), wanted).map(({ uri, suites, keyring }) => [uri, suites, keyring]),
    [
      ["http://old.test/debian", ["bookworm", "bookworm-updates"], KEYRING],
      ["http://old.test/debian-security", ["bookworm-security"], KEYRING],
    ],
  );
});

test("disabled, source-only, foreign and local entries do not count", () => {
  const entries = [
    ...parseDeb822Sources("Enabled: no\nTypes: deb\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\n"),
    ...parseDeb822Sources("Types: deb-src\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\n"),
    ...parseOneLineSources("deb [arch=arm64] http://a.test/debian bookworm main\ndeb cdrom:[x]/ bookworm main\n"),
    ...parseOneLineSources("deb file:/srv/debian bookworm main\n"),
  ];
  assert.throws(() => chooseDebianSources(entries, wanted), {
    message: "the host's package sources name no Debian mirror",
  });
});

test("an embedded key gives way to Debian's keyring, and a snapshot's expiry is kept", () => {
  const entries = parseDeb822Sources(
    "Types: deb\nURIs: http://u:p@a.test/debian\nSuites: bookworm\nComponents: main\nCheck-Valid-Until: no\n",
  );
  const sources = chooseDebianSources(entries, wanted);
  assert.match(renderSources(sources, { credentials: true }), /URIs: http:\/\/u:p@a\.test\/debian\n/);
  const text = renderSources(sources, { credentials: false });
  assert.match(text, /URIs: http:\/\/a\.test\/debian\n/);
  assert.match(text, /Check-Valid-Until: no\n/);
  assert.deepEqual(chooseDebianSources(parseDeb822Sources(text), wanted)[0]?.suites, ["bookworm", "bookworm-updates"]);
});

test("all files of the host are read in order, and mirror lists are resolved", async () => {
  const dir = await mkdtemp(join(tmpdir(), "etc-apt-"));
  try {
    assert.deepEqual(await readHostSources(dir), []);
    await mkdir(join(dir, "sources.list.d"));
    await writeFile(join(dir, "mirrors.list"), "# nearest first\nhttps://near.test/debian priority:1\n");
    const text = `Types: deb\nURIs: mirror+file:${dir}/mirrors.list\nSuites: bookworm\nComponents: main\n`;
    await writeFile(join(dir, "sources.list.d/b.sources"), text);
    await writeFile(join(dir, "sources.list.d/a.list"), THIRD_PARTIES);
    await writeFile(join(dir, "sources.list.d/c.sources.off"), DEB822);
    const entries = await readHostSources(dir);
    assert.equal(entries.length, 5);
    assert.equal(chooseDebianSources(entries, wanted)[0]?.uri, "https://near.test/debian");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
