import assert from "node:assert/strict";
import { test } from "node:test";
import { parseGuestPath } from "./guest-path.ts";

test("paths of a machine: absolute, of its home, of a directory, of what is in one", () => {
  const plain = { contents: false, asDirectory: false };
  for (const [text, wanted] of [
    ["/etc/os-release", { path: "/etc/os-release", ...plain }],
    ["notes", { path: "/root/notes", ...plain }],
    ["~/notes", { path: "/root/notes", ...plain }],
    ["~x", { path: "/root/~x", ...plain }],
    ["", { path: "/root", contents: false, asDirectory: true }],
    ["/srv//dir/", { path: "/srv/dir", contents: false, asDirectory: true }],
    ["/srv/dir/.", { path: "/srv/dir", contents: true, asDirectory: true }],
    ["/srv/dir/./.", { path: "/srv/dir", contents: true, asDirectory: true }],
    [".", { path: "/root", contents: true, asDirectory: true }],
    ["/srv/..", { path: "/srv/..", contents: true, asDirectory: true }],
    ["//", { path: "/", contents: true, asDirectory: true }],
  ] as const) {
    assert.deepEqual(parseGuestPath(text), wanted, text);
  }
  assert.throws(() => parseGuestPath("a\0b"), { code: "USAGE" });
});
