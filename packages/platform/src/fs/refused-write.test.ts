import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { refusedWrite } from "./refused-write.ts";

function failure(code: string, more: object = {}): Error {
  return Object.assign(new Error(`${code}: whatever the system says`), { code, ...more });
}

const HERE = { path: "/state/x", syscall: "unlink" };

for (const [error, code, message] of [
  [failure("ENOSPC", HERE), "DISK_FULL", "no space left for /state/x"],
  [failure("EDQUOT"), "DISK_FULL", "no space left for /state"],
  [failure("EROFS", HERE), "STATE_UNWRITABLE", "/state/x can not be written: its file system is read-only"],
  [failure("EROFS"), "STATE_UNWRITABLE", "/state can not be written: its file system is read-only"],
  [failure("EPERM", HERE), "STATE_UNWRITABLE", "unlink of /state/x is not permitted (EPERM)"],
  [
    failure("EACCES", { address: "/run/s", syscall: "listen" }),
    "STATE_UNWRITABLE",
    "listen of /run/s is not permitted (EACCES)",
  ],
] as const) {
  test(`${error.message.slice(0, 6)} is told as ${message}`, () => {
    const refused = refusedWrite(error, "/state");
    assert.deepEqual([refused?.code, refused?.message, refused?.cause], [code, message, error]);
  });
}

test("what is no refusal of the host, or names no file, is left to others", () => {
  const port = failure("EACCES", { address: "127.0.0.1", syscall: "listen" });
  for (const error of [failure("ENOENT", HERE), failure("EPERM"), port, new Error("no code"), "no error"])
    assert.equal(refusedWrite(error), undefined);
  assert.equal(refusedWrite(new AppError("VM_BUSY", "web is busy"), "/state"), undefined);
});
