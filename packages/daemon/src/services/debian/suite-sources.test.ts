import assert from "node:assert/strict";
import { test } from "node:test";
import { DEBIAN_KEYRING, type DebianSource } from "./debian-source.ts";
import { publicSources, sourcesOfSuite } from "./suite-sources.ts";

function source(uri: string, ...suites: string[]): DebianSource {
  return { uris: [uri], mirrors: [uri], suites, keyring: "/k.gpg", checkValidUntil: true };
}
function summary(sources: readonly DebianSource[]) {
  return sources.map(({ uris, suites }) => [uris[0], ...suites]);
}

test("mirror and security mirror of the release are chosen, others of the host are not asked", () => {
  const host = [
    source("http://sid.test/debian", "sid"),
    source("http://near.test/debian", "bookworm", "bookworm-updates"),
    source("http://far.test/debian", "bookworm"),
    source("http://security.test/debian-security", "bookworm-security"),
  ];
  assert.deepEqual(summary(sourcesOfSuite(host, "bookworm")), [
    ["http://near.test/debian", "bookworm", "bookworm-updates"],
    ["http://security.test/debian-security", "bookworm-security"],
  ]);
});

test("the suite is the one asked for, whatever the host runs", () => {
  const host = [source("http://a.test/debian", "trixie"), source("http://a.test/debian-security", "trixie-security")];
  assert.deepEqual(summary(sourcesOfSuite(host, "bookworm")), [
    ["http://a.test/debian", "bookworm", "bookworm-updates"],
    ["http://a.test/debian-security", "bookworm-security"],
  ]);
});

test("archives on the host itself are of no use to another system; the first mirror of a list is taken", () => {
  const local = source("file:/srv/debian", "bookworm");
  assert.throws(() => sourcesOfSuite([local], "bookworm"), {
    message: "the host's package sources name no Debian mirror",
  });
  const listed = { ...source("mirror+file:/m.list", "bookworm"), mirrors: ["http://a.test/debian", "http://b.test/x"] };
  assert.deepEqual(summary(sourcesOfSuite([local, listed], "bookworm")), [
    ["http://a.test/debian", "bookworm", "bookworm-updates"],
  ]);
});

test("what is public has no credentials and Debian's own keyring, and keeps a snapshot's expiry", () => {
  const [made] = publicSources([{ ...source("http://u:p@a.test/debian", "bookworm"), checkValidUntil: false }]);
  assert.deepEqual(made, {
    ...source("http://a.test/debian", "bookworm"),
    keyring: DEBIAN_KEYRING,
    checkValidUntil: false,
  });
});
