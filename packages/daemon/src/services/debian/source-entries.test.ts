import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDeb822Sources, parseOneLineSources } from "./source-entries.ts";

const words = fc.array(fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,8}$/), { minLength: 1, maxLength: 3 });

test("stanzas: comments, folded lines and the case of names do not matter; what is off is left out", () => {
  const text = `Types: deb deb-src
# a snapshot
URIs: http://a.test/debian
suites: bookworm bookworm-updates
 bookworm-backports
Components: main contrib
signed-by: /a.gpg

Enabled: no
Types: deb
URIs: http://b.test/debian

Types: deb-src
URIs: http://c.test/debian

# nothing but a comment
`;
  const [entry, ...others] = parseDeb822Sources(text);
  assert.deepEqual(others, []);
  assert.deepEqual(entry?.suites, ["bookworm", "bookworm-updates", "bookworm-backports"]);
  assert.deepEqual([entry?.uris, entry?.components], [["http://a.test/debian"], ["main", "contrib"]]);
  assert.deepEqual(entry?.options.get("signed-by"), ["/a.gpg"]);
});

test("a key in the stanza itself is many words", () => {
  const text = "Types: deb\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n abc=\n -----END PGP-----\n";
  assert.ok((parseDeb822Sources(text)[0]?.options.get("signed-by")?.length ?? 0) > 1);
});

test("lines: options, comments, and nothing of other types", () => {
  const text = `deb [ arch=amd64,arm64 Signed-By=/a.gpg lang+=de ] http://a.test/debian bookworm main contrib # why
deb-src http://b.test/debian bookworm main
# deb http://c.test/debian bookworm main
deb http://d.test/debian ./
nonsense
`;
  const [one, two, ...others] = parseOneLineSources(text);
  assert.deepEqual(others, []);
  assert.deepEqual(
    [one?.uris, one?.suites, one?.components],
    [["http://a.test/debian"], ["bookworm"], ["main", "contrib"]],
  );
  const options = [...(one?.options ?? [])];
  assert.deepEqual(options, [
    ["architectures", ["amd64", "arm64"]],
    ["signed-by", ["/a.gpg"]],
  ]);
  assert.deepEqual([two?.suites, two?.components], [["./"], []]);
});

test("both formats can say the same, and noise throws nothing", () => {
  fc.assert(
    fc.property(words, words, fc.string(), (suites, components, noise) => {
      const uri = "http://a.test/debian";
      const lines = suites.map((suite) => `deb [signed-by=/k.gpg] ${uri} ${suite} ${components.join(" ")}`);
      const stanza = `Types: deb\nURIs: ${uri}\nSuites: ${suites.join("\n ")}\nComponents: ${components.join(" ")}\nSigned-By: /k.gpg\n`;
      const [whole] = parseDeb822Sources(stanza);
      const parts = parseOneLineSources(lines.join("\n"));
      assert.deepEqual(
        whole?.suites,
        parts.flatMap((part) => part.suites),
      );
      assert.deepEqual(whole?.components, parts[0]?.components);
      assert.deepEqual(whole?.options.get("signed-by"), parts[0]?.options.get("signed-by"));
      parseDeb822Sources(noise);
      parseOneLineSources(`deb ${noise}`);
    }),
    { numRuns: 50 },
  );
});
