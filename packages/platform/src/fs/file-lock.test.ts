import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { nativeOrSkip } from "../testing/native-or-skip.ts";
import { lockFile } from "./file-lock.ts";

test("file lock: one holder, also within a process; free again when closed, twice is fine", async (t) => {
  const native = nativeOrSkip(t);
  if (!native) return;
  const dir = await mkdtemp(join(tmpdir(), "lock-"));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, "lock");
  const held = (error: unknown) => AppError.is(error, "STATE_LOCKED");
  const lock = await lockFile(path, { native });
  await assert.rejects(lockFile(path, { native }), held);
  await lock[Symbol.asyncDispose]();
  await lock[Symbol.asyncDispose]();
  await using shared = await lockFile(path, { native, exclusive: false });
  await using alsoShared = await lockFile(shared.path, { native, exclusive: false });
  await assert.rejects(lockFile(alsoShared.path, { native }), held);
});

test("file lock: a child that is started meanwhile does not inherit it", async (t) => {
  const native = nativeOrSkip(t);
  if (!native) return;
  const dir = await mkdtemp(join(tmpdir(), "lock-"));
  t.after(() => rm(dir, { recursive: true }));
  const path = join(dir, "lock");
  const lock = await lockFile(path, { native });
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  await once(child, "spawn");
  await lock[Symbol.asyncDispose]();
  await using again = await lockFile(path, { native });
  assert.equal(again.path, path);
  child.kill("SIGKILL");
  await once(child, "exit");
});
