import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import { freeBytes } from "@banger/platform/fs/free-space";
import { requireSpace } from "./space.ts";

async function twoPlaces(): Promise<AsyncDisposable & { cache: string; store: string; most: number }> {
  const root = await mkdtemp(join(tmpdir(), "space-"));
  const [cache, store] = [join(root, "cache"), join(root, "store")];
  await mkdir(cache);
  await mkdir(store);
  const most = (await freeBytes(root)) * 0.6;
  return { cache, store, most, [Symbol.asyncDispose]: () => rm(root, { recursive: true }) };
}

test("places on one file system share what is free there; on two, each has its own", async () => {
  await using at = await twoPlaces();
  const needs = [at.cache, at.store].map((path) => ({ path, bytes: at.most }));
  await assert.rejects(requireSpace("an image", needs), (error) => {
    assert.ok(AppError.is(error, "DISK_FULL"));
    assert.match(error.message, /^an image needs \d+ MiB, .*\/cache has \d+ MiB free$/);
    return true;
  });
  await requireSpace("an image", needs, { fileSystemOf: async (path) => (path === at.cache ? 1 : 2) });
});

test("the place that is short is named, though another has room", async () => {
  await using at = await twoPlaces();
  const needs = [
    { path: at.cache, bytes: 1 },
    { path: at.store, bytes: at.most * 4 },
  ];
  await assert.rejects(
    requireSpace("an image", needs, { fileSystemOf: async (path) => (path === at.cache ? 1 : 2) }),
    /\/store has/,
  );
});
