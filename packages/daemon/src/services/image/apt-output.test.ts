import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { ExecError } from "@banger/platform/exec/run";
import { parseTransport } from "./apt-config.ts";
import { explainApt, parseDownloadStatus, parseResolved } from "./apt-output.ts";
import { parseInstalled } from "./mmdebstrap.ts";

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

function failed(stderr: string): ExecError {
  const result = { argv: ["apt-get"], exitCode: 100, signal: null, stdout: Buffer.alloc(0), stderr } as const;
  return new ExecError("COMMAND_FAILED", "apt-get exited with 100", {
    result: { ...result, reason: "exit", durationMs: 1 },
  });
}

function explained(stderr: string): [string, string] {
  const error = explainApt(failed(stderr), { suite: "bookworm", dir: "/cache" });
  assert.ok(AppError.is(error));
  return [error.code, error.message];
}

test("packages, versions and sizes are read out of apt's answer", () => {
  assert.deepEqual(parseResolved(RESOLVED), {
    packages: [
      {
        name: "diffutils",
        version: "1:3.8-4",
        architecture: "amd64",
        file: "diffutils_1%3a3.8-4_amd64.deb",
        bytes: 351740,
      },
      {
        name: "mawk",
        version: "1.3.4.20200120-3.1",
        architecture: "amd64",
        file: "mawk_1.3.4.20200120-3.1_amd64.deb",
        bytes: 119144,
      },
    ],
    downloadBytes: 470884,
    installedBytes: 93_500_000,
  });
  assert.throws(() => parseResolved("0 upgraded, 0 newly installed"), { code: "BUILD_FAILED" });
});

test("progress is read out of the status lines of apt and dpkg", () => {
  assert.equal(parseDownloadStatus("dlstatus:1:0.0000:Retrieving file 1 of 73"), 0);
  assert.equal(parseDownloadStatus("dlstatus:70:25.0000:Retrieving file 70 of 73"), 0.25);
  assert.equal(parseDownloadStatus("dlstatus:73:100.0000:Retrieving file 73 of 73"), 1);
  assert.equal(parseDownloadStatus("W: something else"), undefined);
  assert.equal(parseInstalled("Setting up libc6:amd64 (2.36-9+deb12u14) ..."), "libc6");
  assert.equal(parseInstalled("Setting up docker.io (20.10.24+dfsg1-1+deb12u1+b6) ..."), "docker.io");
  assert.equal(parseInstalled("Unpacking libc6:amd64 (2.36-9+deb12u14) ..."), undefined);
});

test("the host's proxies are taken over, its hooks are not", () => {
  const dump = `Acquire "";
Acquire::http "";
Acquire::http::Proxy "http://proxy.test:3128";
Acquire::http::Proxy::mirror.test "DIRECT";
Acquire::https::Verify-Peer "true";
Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";
Acquire::Retries "3";
Acquire::gpgv::Options "";
`;
  assert.deepEqual(parseTransport(dump), [
    'Acquire::http::Proxy "http://proxy.test:3128";',
    'Acquire::http::Proxy::mirror.test "DIRECT";',
    'Acquire::https::Verify-Peer "true";',
    'Acquire::Retries "3";',
  ]);
});

test("failures of apt are told in words", () => {
  assert.deepEqual(explained("E: Unable to locate package no-such-package\n"), [
    "BUILD_FAILED",
    "Debian bookworm has no package no-such-package",
  ]);
  const fetch = "Failed to fetch http://mirror.test/x  Temporary failure resolving 'mirror.test'";
  assert.deepEqual(explained(`E: ${fetch}\nE: Some index files failed to download.\n`), [
    "DOWNLOAD_FAILED",
    `packages of Debian bookworm could not be fetched: ${fetch}`,
  ]);
  assert.deepEqual(explained("E: Write error - write (28: No space left on device)\n"), [
    "DISK_FULL",
    "no space left in /cache for packages",
  ]);
  assert.deepEqual(explained("E: Could not get lock /cache/lists/lock. It is held by process 12 (apt-get)\n"), [
    "BUILD_FAILED",
    "another build is using /cache",
  ]);
  assert.deepEqual(explained("dlstatus:1:0:x\nweird\n"), ["BUILD_FAILED", "apt-get failed: weird"]);
  const other = new Error("other");
  assert.equal(explainApt(other, { suite: "x", dir: "/" }), other);
});
