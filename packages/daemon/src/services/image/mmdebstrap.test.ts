import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInstalled } from "./mmdebstrap.ts";

test("installed packages are read out of dpkg's lines", () => {
  assert.equal(parseInstalled("Setting up libc6:amd64 (2.36-9+deb12u14) ..."), "libc6");
  assert.equal(parseInstalled("Setting up docker.io (20.10.24+dfsg1-1+deb12u1+b6) ..."), "docker.io");
  assert.equal(parseInstalled("Unpacking libc6:amd64 (2.36-9+deb12u14) ..."), undefined);
});
