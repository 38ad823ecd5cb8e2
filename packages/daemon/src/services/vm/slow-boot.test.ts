import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { VmId } from "@banger/contract/ids";
import { createFakeLogger } from "@banger/platform/log-fake";
import { FakeClock } from "@banger/platform/time/clock-fake";
import type { Capability } from "./capability.ts";
import { machineFiles } from "./machine-files.ts";
import { watchSlowBoot } from "./slow-boot.ts";

async function watching(verify: Capability["verify"]) {
  const directory = await mkdtemp(join(tmpdir(), "banger-slow-"));
  const files = { ...machineFiles(directory, VmId.parse("abcdefghijkl")), console: join(directory, "console.log") };
  await writeFile(files.console, "first\r\n\x1b[31mlast\r\n");
  const clock = new FakeClock();
  const notes: string[] = [];
  const heard: (() => void)[] = [];
  const onStage = ({ note = "" }) => {
    notes.push(note);
    heard.shift()?.();
  };
  const capabilities: Capability[] = [{ name: "x", ...(verify && { verify }) }];
  const deps = { clock, log: createFakeLogger().logger, bootMs: 180_000, capabilities };
  const record = { id: VmId.parse("abcdefghijkl") } as Parameters<typeof watchSlowBoot>[1]["record"];
  const slow = watchSlowBoot(deps, { record, files }, { onStage });
  return {
    ...{ clock, notes, slow, directory },
    /** resolves when the next note is there */
    next: () => new Promise<void>((resolve) => heard.push(resolve)),
    async [Symbol.asyncDispose]() {
      await slow[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

test("a boot that takes long says how long, and the last line of the console, made harmless", async () => {
  await using boot = await watching(undefined);
  boot.clock.advance(9_999);
  assert.deepEqual(boot.notes, []);
  for (const ms of [1, 15_000]) {
    const told = boot.next();
    boot.clock.advance(ms);
    await told;
    while (boot.clock.sleeping === 0) await new Promise(setImmediate);
  }
  assert.deepEqual(boot.notes, [
    "waited 10 s of 180 s for the guest, whose console ends with: \\x1b[31mlast",
    "waited 25 s of 180 s for the guest, whose console ends with: \\x1b[31mlast",
  ]);
});

test("content is read whole after ten seconds, and damage told at once", async () => {
  let verified = 0;
  await using boot = await watching(async () => {
    verified += 1;
    throw new AppError("KERNEL_CORRUPT", "vmlinuz is not what was pulled");
  });
  boot.clock.advance(9_999);
  assert.equal(verified, 0);
  boot.clock.advance(1);
  assert.equal((await boot.slow.damage).code, "KERNEL_CORRUPT");
  assert.equal(verified, 1);
});

test("a guest that answers ends the reading", async () => {
  const begun = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const boot = await watching(async (_machine, { signal }) => {
    signal.addEventListener("abort", () => ended.resolve(), { once: true });
    begun.resolve();
    await ended.promise;
    signal.throwIfAborted();
  });
  boot.clock.advance(10_000);
  await begun.promise;
  await boot[Symbol.asyncDispose]();
  await ended.promise;
});
