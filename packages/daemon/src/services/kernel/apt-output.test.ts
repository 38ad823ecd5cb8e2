import assert from "node:assert/strict";
import { test } from "node:test";
import { downloadFailure, downloadFraction, lastComplaint } from "./apt-output.ts";

test("progress lines become fractions", () => {
  assert.equal(downloadFraction("dlstatus:1:42.5:Retrieving file 1 of 1"), 0.425);
  assert.equal(downloadFraction("dlstatus:1:100.0001:x"), 1);
  assert.equal(downloadFraction("pmstatus:dpkg:1:x"), undefined);
  assert.equal(downloadFraction("E: no"), undefined);
});

test("the last complaint that says why is kept", () => {
  const stderr = `dlstatus:1:0:Retrieving
W: The repository is old
E: Failed to fetch http://deb.debian.org/debian/dists/bookworm/InRelease  Could not connect to deb.debian.org:80
E: Some index files failed to download. They have been ignored, or old ones used instead.
`;
  assert.match(lastComplaint(stderr), /^Failed to fetch .* Could not connect/);
  assert.equal(lastComplaint("W: Failed to fetch x\nW: Some index files failed to download.\n"), "Failed to fetch x");
  assert.equal(lastComplaint("dlstatus:1:0:x\nW: only this\n"), "only this");
  assert.equal(lastComplaint(""), "");
});

test("a full disk is told apart from a bad network", () => {
  assert.equal(downloadFailure("x", "E: write (28: No space left on device)").code, "DISK_FULL");
  assert.equal(downloadFailure("x", "E: nope").code, "DOWNLOAD_FAILED");
  assert.equal(downloadFailure("x", "").message, "x could not be downloaded: apt gave no reason");
});
