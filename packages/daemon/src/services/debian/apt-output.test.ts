import assert from "node:assert/strict";
import { test } from "node:test";
import { downloadFraction, parseListedPackage, parseResolved } from "./apt-output.ts";

const RESOLVED = `Reading package lists...
Building dependency tree...
The following NEW packages will be installed:
  base-files mawk
0 upgraded, 73 newly installed, 0 to remove and 0 not upgraded.
Need to get 24.3 MB of archives.
After this operation, 93.5 MB of additional disk space will be used.
'http://mirror.test/debian/pool/main/m/mawk/mawk_1.3.4.20200120-3.1_amd64.deb' mawk_1.3.4.20200120-3.1_amd64.deb 119144 MD5Sum:c9a5eb1c
'http://security.test/debian-security/pool/updates/main/d/diffutils/diffutils_3.8-4_amd64.deb' diffutils_1%3a3.8-4_amd64.deb 351740 
`;

test("packages, versions and sizes are read out of apt's answer", () => {
  const diffutils = { name: "diffutils", version: "1:3.8-4", file: "diffutils_1%3a3.8-4_amd64.deb", bytes: 351740 };
  const mawk = {
    name: "mawk",
    version: "1.3.4.20200120-3.1",
    file: "mawk_1.3.4.20200120-3.1_amd64.deb",
    bytes: 119144,
  };
  assert.deepEqual(parseResolved(RESOLVED), {
    packages: [diffutils, mawk].map((one) => ({ ...one, architecture: "amd64" })),
    downloadBytes: 470884,
    installedBytes: 93_500_000,
  });
  assert.throws(() => parseResolved("0 upgraded, 0 newly installed"), { code: "BUILD_FAILED" });
});

test("a package's stanza is whole, or it is not used", () => {
  const sha256 = "a".repeat(64);
  const stanza = `Package: demo\nVersion: 1:2\nDepends: a, b (= 3)\nSize: 12\nSHA256: ${sha256}\nArchitecture: all\n`;
  const demo = { name: "demo", version: "1:2", sha256, bytes: 12, architecture: "all", depends: ["a", "b (= 3)"] };
  assert.deepEqual(parseListedPackage(stanza, "demo"), demo);
  for (const wrong of ["Package: other", "Size: x", "SHA256: 1", "Version: "]) {
    const name = wrong.split(":")[0] ?? "";
    const text = stanza.replace(new RegExp(`^${name}: .*$`, "m"), wrong);
    assert.throws(() => parseListedPackage(text, "demo"), { code: "DOWNLOAD_FAILED" }, wrong);
  }
});

test("progress lines become fractions", () => {
  assert.equal(downloadFraction("dlstatus:1:0.0000:Retrieving file 1 of 73"), 0);
  assert.equal(downloadFraction("dlstatus:70:42.5:Retrieving file 70 of 73"), 0.425);
  assert.equal(downloadFraction("dlstatus:1:100.0001:x"), 1);
  assert.equal(downloadFraction("pmstatus:dpkg:1:x"), undefined);
  assert.equal(downloadFraction("W: something else"), undefined);
});
