/** The host's real apt, on an archive in a directory. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import { FakeArchive } from "./archive-fake.ts";
import { FakePgpKey } from "./openpgp-fake.ts";
import { claimPackages, missingBytes, prunePackages } from "./package-cache.ts";
import { PrivateApt } from "./private-apt.ts";

const exec = createNodeExec();
const signal = new AbortController().signal;

let dir = "";
let archive: FakeArchive;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "private-apt-"));
  await mkdir(join(dir, "debian"));
  archive = new FakeArchive(exec, join(dir, "debian"));
  await archive.publish({ demo: { version: "1:1.0", depends: "part" }, part: { version: "1.0" } });
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function openApt(): Promise<PrivateApt> {
  const options = { sources: [archive.source("copy")], of: "Debian test", signal };
  return await PrivateApt.open({ exec, aptHost: archive.host, proxyEnv: {} }, join(dir, "apt"), options);
}

test("packages are resolved with what they depend on, fetched once, and told how far", async () => {
  const apt = await openApt();
  assert.equal(await apt.update({ signal }), undefined);
  const resolved = await apt.resolve(["demo"], { signal });
  const files = ["demo_1%3a1.0_amd64.deb", "part_1.0_amd64.deb"];
  assert.deepEqual(
    resolved.packages.map(({ file }) => file),
    files,
  );
  assert.equal(await missingBytes(apt.dir, resolved), resolved.downloadBytes);
  const told: number[] = [];
  await apt.fetch(["demo"], { resolved, signal, onFraction: (done) => told.push(done) });
  assert.deepEqual([told.at(0), told.at(-1)], [0, 1]);
  assert.equal(await missingBytes(apt.dir, resolved), 0);
  assert.deepEqual(await apt.resolve(["demo"], { signal }), resolved);
  await assert.rejects(apt.resolve(["absent"], { signal }), {
    code: "BUILD_FAILED",
    message: "Debian test has no package absent",
  });
});

test("one package is shown and downloaded where it is wanted", async () => {
  const apt = await openApt();
  await apt.update({ signal });
  const pkg = await apt.show("demo", { signal });
  assert.deepEqual([pkg.version, pkg.depends], ["1:1.0", ["part"]]);
  assert.deepEqual(await apt.show("demo", { signal, version: "1:1.0" }), pkg);
  await assert.rejects(apt.show("demo", { signal, version: "7" }), { code: "DOWNLOAD_FAILED" });
  await mkdir(join(dir, "into"));
  await apt.download(pkg, { into: join(dir, "into"), signal, onFraction: () => undefined });
  assert.deepEqual(await readdir(join(dir, "into")), ["demo_1%3a1.0_amd64.deb"]);
});

test("without a network, what was fetched before is enough; for anything else the reason is the network", async () => {
  const before = await openApt();
  await before.update({ signal });
  const resolved = await before.resolve(["part"], { signal });
  await before.fetch(["part"], { resolved, signal, onFraction: () => undefined });
  await archive.vanish();
  const apt = await openApt();
  const failure = await apt.update({ signal });
  assert.equal(failure?.code, "DOWNLOAD_FAILED");
  assert.deepEqual(await apt.resolve(["part"], { signal }), resolved);
  await apt.fetch(["part"], { resolved, signal, onFraction: () => undefined });
  const more = await apt.resolve(["demo"], { signal });
  const fetching = apt.fetch(["demo"], { resolved: more, signal, onFraction: () => undefined });
  await assert.rejects(fetching, (error) => error === failure);
  await assert.rejects(apt.resolve(["absent"], { signal }), (error) => error === failure);
});

test("lists that another key has signed count for nothing, and neither do packages that were changed", async () => {
  await archive.tamper();
  const apt = await openApt();
  assert.equal(await apt.update({ signal }), undefined);
  const resolved = await apt.resolve(["part"], { signal });
  const fetching = apt.fetch(["part"], { resolved, signal, onFraction: () => undefined });
  await assert.rejects(fetching, { code: "DOWNLOAD_FAILED" });
  await rm(join(dir, "apt"), { recursive: true });
  await archive.writeHost({ keyring: new FakePgpKey().keyring() });
  const other = await openApt();
  assert.match((await other.update({ signal }))?.message ?? "", /NO_PUBKEY|not signed|signature/i);
  await assert.rejects(other.resolve(["part"], { signal }), { code: "DOWNLOAD_FAILED" });
});

test("nothing of the host's configuration counts, and a path that apt can not hold is refused", async () => {
  const apt = await openApt();
  const dumped = await exec.run(["apt-config", "dump"], { env: { APT_CONFIG: apt.dir.config } });
  const dump = dumped.stdout.toString();
  assert.doesNotMatch(dump, /^(?:DPkg|APT::Update)::\S*-Invoke/m);
  assert.match(dump, /^Dir::Etc::netrc ".*\/etc\/auth\.conf";$/m);
  const shell = ["Dir::Etc::Parts", "Dir::Etc::TrustedParts", "Dir::Etc::SourceParts", "Dir::State::lists"];
  const env = { APT_CONFIG: apt.dir.config };
  const paths = await exec.run(["apt-config", "shell", ...shell.flatMap((key) => ["X", `${key}/d`])], { env });
  for (const line of paths.stdout.toString().trim().split("\n"))
    assert.ok(line.startsWith(`X='${apt.dir.root}/`), line);
  const odd = { sources: [archive.source("copy")], of: "Debian test", signal };
  const opening = PrivateApt.open({ exec, aptHost: archive.host, proxyEnv: {} }, join(dir, 'a"b'), odd);
  await assert.rejects(opening, { code: "CONFIG_INVALID" });
});

test("packages stay as long as the last resolution of somebody who is there has them", async () => {
  const apt = await openApt();
  await apt.update({ signal });
  const demo = await apt.resolve(["demo"], { signal });
  const part = await apt.resolve(["part"], { signal });
  const { archives } = apt.dir;
  for (const file of [...demo.packages.map((one) => one.file), "old_1_amd64.deb", "lock"]) {
    await writeFile(join(archives, file), "");
  }
  await claimPackages(apt.dir, "ada", demo);
  await claimPackages(apt.dir, "beta", part);
  const users = ["ada", "beta", "gone"];
  await claimPackages(apt.dir, "gone", {
    ...demo,
    packages: demo.packages.map((one) => ({ ...one, file: "old_1_amd64.deb" })),
  });
  await prunePackages(apt.dir, { isUser: (name) => users.includes(name) });
  assert.ok((await readdir(archives)).includes("old_1_amd64.deb"));
  users.pop();
  await prunePackages(apt.dir, { isUser: (name) => users.includes(name) });
  assert.deepEqual((await readdir(archives)).sort(), [
    "demo_1%3a1.0_amd64.deb",
    "lock",
    "part_1.0_amd64.deb",
    "partial",
  ]);
  await claimPackages(apt.dir, "ada", part);
  await prunePackages(apt.dir, { isUser: (name) => users.includes(name) });
  assert.deepEqual((await readdir(archives)).sort(), ["lock", "part_1.0_amd64.deb", "partial"]);
});
