import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type AptHost, readDebianSources } from "./host-sources.ts";

let etcDir = "";
let host: AptHost;
beforeEach(async () => {
  etcDir = await mkdtemp(join(tmpdir(), "etc-apt-"));
  host = { etcDir, keyrings: [join(etcDir, "absent.gpg"), join(etcDir, "present.pgp")] };
  await mkdir(join(etcDir, "sources.list.d"));
  await writeFile(join(etcDir, "present.pgp"), "");
});
afterEach(async () => {
  await rm(etcDir, { recursive: true, force: true });
});

function stanza(uri: string): string {
  return `Types: deb\nURIs: ${uri}\nSuites: bookworm\nComponents: main\n`;
}

test("all files of the host are read in apt's order, and no others", async () => {
  await writeFile(join(etcDir, "sources.list"), "deb http://first.test/debian bookworm main\n");
  await writeFile(join(etcDir, "sources.list.d/b.sources"), stanza("http://third.test/debian"));
  await writeFile(join(etcDir, "sources.list.d/a.list"), "deb http://second.test/debian bookworm main\n");
  await writeFile(join(etcDir, "sources.list.d/c.sources.off"), stanza("http://off.test/debian"));
  await writeFile(join(etcDir, "sources.list.d/d~.list"), "deb http://tilde.test/debian bookworm main\n");
  const sources = await readDebianSources(host);
  const uris = ["first", "second", "third"].map((name) => `http://${name}.test/debian`);
  assert.deepEqual(
    sources.flatMap((source) => source.uris),
    uris,
  );
  assert.deepEqual(new Set(sources.map(({ keyring }) => keyring)), new Set([join(etcDir, "present.pgp")]));
});

test("a file of mirrors is resolved, and every one of them has to be Debian's", async () => {
  const uri = `mirror+file:${etcDir}/mirrors.list`;
  await writeFile(join(etcDir, "sources.list.d/a.sources"), stanza(uri));
  await writeFile(
    join(etcDir, "mirrors.list"),
    "# near\nhttps://near.test/debian priority:1\nhttps://mirror.example.org/debian\n",
  );
  const [source] = await readDebianSources(host);
  assert.deepEqual(source?.uris, [uri]);
  assert.deepEqual(source?.mirrors, ["https://near.test/debian", "https://mirror.example.org/debian"]);
  await writeFile(join(etcDir, "mirrors.list"), "https://mirror.example.org/debian\nhttps://evil.test/\n");
  await assert.rejects(readDebianSources(host), { code: "PREREQUISITE_MISSING" });
});

test("a host without sources, or without the keyring that they need, is told what to do", async () => {
  const missing = { code: "PREREQUISITE_MISSING", message: `${etcDir} names no Debian package source` };
  await assert.rejects(readDebianSources(host), missing);
  await writeFile(join(etcDir, "sources.list"), "deb http://mirror.example.org/debian bookworm main\n");
  await rm(join(etcDir, "present.pgp"));
  await assert.rejects(readDebianSources(host), { message: `there is no ${join(etcDir, "absent.gpg")}` });
});
