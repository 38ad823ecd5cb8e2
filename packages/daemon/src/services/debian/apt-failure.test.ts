import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { ExecError } from "@banger/platform/exec/run";
import { complaintOf, explainApt } from "./apt-failure.ts";

function explained(stderr: string, code: "DOWNLOAD_FAILED" | "BUILD_FAILED" = "DOWNLOAD_FAILED"): [string, string] {
  const result = { argv: ["apt-get"], exitCode: 100, signal: null, stdout: Buffer.alloc(0), stderr } as const;
  const failed = new ExecError("COMMAND_FAILED", "apt-get exited with 100", {
    result: { ...result, reason: "exit", durationMs: 1 },
  });
  const error = explainApt(failed, { what: "packages of Debian bookworm", of: "Debian bookworm", code });
  assert.ok(AppError.is(error));
  return [error.code, error.message];
}

test("the complaint that says why is found", () => {
  const stderr = `dlstatus:1:0:Retrieving
W: The repository is old
E: Failed to fetch http://mirror.example.org/debian/dists/bookworm/InRelease  Could not connect to mirror.example.org:80
E: Some index files failed to download. They have been ignored, or old ones used instead.
`;
  assert.match(complaintOf(stderr), /^Failed to fetch .* Could not connect/);
  assert.equal(complaintOf("W: Failed to fetch x\nW: Some index files failed to download.\n"), "Failed to fetch x");
  assert.equal(complaintOf("dlstatus:1:0:x\nW: only this\n"), "only this");
  assert.equal(complaintOf("E: first\nE: second\n"), "first");
  assert.equal(complaintOf("dlstatus:1:0:x\nweird\n"), "weird");
  assert.equal(complaintOf(""), "it said nothing");
});

test("failures of apt are told in words", () => {
  assert.deepEqual(explained("E: Unable to locate package no-such\n", "BUILD_FAILED"), [
    "BUILD_FAILED",
    "Debian bookworm has no package no-such",
  ]);
  const fetch = "Failed to fetch http://mirror.test/x  Temporary failure resolving 'mirror.test'";
  assert.deepEqual(explained(`E: ${fetch}\nE: Some index files failed to download.\n`), [
    "DOWNLOAD_FAILED",
    `apt could not get packages of Debian bookworm: ${fetch.replace("  ", " ")}`,
  ]);
  assert.deepEqual(explained("E: Write error - write (28: No space left on device)\n"), [
    "DISK_FULL",
    "no space left for packages of Debian bookworm",
  ]);
  assert.equal(explained("E: You don't have enough free space in /cache/archives/.")[0], "DISK_FULL");
  assert.deepEqual(explained("E: Could not get lock /cache/lists/lock. It is held by process 12 (apt-get)\n"), [
    "BUILD_FAILED",
    "another process is fetching packages of Debian bookworm",
  ]);
});

test("what is not a failure of apt stays what it is", () => {
  const other = new Error("other");
  assert.equal(explainApt(other, { what: "x", of: "Debian", code: "BUILD_FAILED" }), other);
  const missing = new AppError("PREREQUISITE_MISSING", "x", { facts: { program: "apt-get" } });
  const error = explainApt(missing, { what: "x", of: "Debian", code: "BUILD_FAILED" });
  assert.ok(AppError.is(error, "PREREQUISITE_MISSING"));
  assert.equal(error.message, "apt-get is not installed");
});
