import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { AppError } from "@banger/contract/errors";
import * as z from "zod";
import { contentId } from "./content-id.ts";
import { ContentStore } from "./content-store.ts";

const Manifest = z.object({ id: z.string(), name: z.string(), createdAt: z.string() });
const owner = { token: "me-1", isAlive: (token: string) => token === "alive-2" };
const signal = new AbortController().signal;

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "content-store-"));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

function makeStore() {
  return new ContentStore({ root, kind: "image", schema: Manifest, owner });
}

function fillWith(manifest: { id: string; name?: string; createdAt?: string }) {
  return async (dir: string) => {
    await writeFile(join(dir, "disk"), "content");
    return { name: "demo", createdAt: "2026-01-01T00:00:00.000Z", ...manifest };
  };
}

const A = "aaaaaaaaaaa1";
const B = "aaaaaaaaaaa2";
const C = "ccccccccccc3";

test("ids depend on the inputs and not on the order of their fields", () => {
  assert.equal(contentId({ a: 1, b: ["x", null] }), contentId({ b: ["x", null], a: 1 }));
  assert.notEqual(contentId({ a: 1 }), contentId({ a: 2 }));
  assert.match(contentId("anything"), /^[0-9a-z]{12}$/);
});

test("what is published is listed, read-only, and not made twice", async () => {
  const store = makeStore();
  let fills = 0;
  const fill = async (dir: string) => {
    fills += 1;
    return await fillWith({ id: A })(dir);
  };
  const made = await store.publish(A, fill, { signal });
  const again = await store.publish(A, fill, { signal });
  assert.equal(fills, 1);
  assert.deepEqual(again, made);
  assert.deepEqual((await store.list()).entries, [made]);
  assert.equal((await stat(join(made.dir, "disk"))).mode & 0o777, 0o444);
  assert.equal(await readFile(join(made.dir, "disk"), "utf8"), "content");
});

test("publishers of one id join one fill", async () => {
  const store = makeStore();
  const gate = Promise.withResolvers<void>();
  let fills = 0;
  const fill = async (dir: string) => {
    fills += 1;
    await gate.promise;
    return await fillWith({ id: A })(dir);
  };
  const both = Promise.all([store.publish(A, fill, { signal }), store.publish(A, fill, { signal })]);
  gate.resolve();
  const [first, second] = await both;
  assert.equal(fills, 1);
  assert.deepEqual(first, second);
});

test("one publisher may leave while another stays; when the last leaves, nothing is left", async () => {
  const store = makeStore();
  const started = Promise.withResolvers<void>();
  const fill = (_dir: string, context: { signal: AbortSignal }) => {
    started.resolve();
    return new Promise<never>((_resolve, reject) => {
      context.signal.addEventListener("abort", () => reject(context.signal.reason), { once: true });
    });
  };
  const one = new AbortController();
  const two = new AbortController();
  const first = store.publish(A, fill, { signal: one.signal });
  const second = store.publish(A, fill, { signal: two.signal });
  await started.promise;
  one.abort(new Error("one left"));
  await assert.rejects(first, { message: "one left" });
  assert.equal((await readdir(root)).length, 1);
  two.abort(new Error("two left"));
  await assert.rejects(second, { message: "two left" });
  assert.deepEqual(await readdir(root), []);
  assert.equal((await store.publish(A, fillWith({ id: A }), { signal })).manifest.id, A);
});

test("a fill that fails, or lies about its id, leaves nothing", async () => {
  const store = makeStore();
  const failing = async (dir: string) => {
    await writeFile(join(dir, "half"), "x");
    throw new Error("stopped halfway");
  };
  await assert.rejects(store.publish(A, failing, { signal }), { message: "stopped halfway" });
  await assert.rejects(store.publish(A, fillWith({ id: B }), { signal }), { code: "INTERNAL" });
  assert.deepEqual(await readdir(root), []);
});

test("a full disk is told as such", async () => {
  const store = makeStore();
  const full = Object.assign(new Error("write"), { code: "ENOSPC" });
  await assert.rejects(
    store.publish(A, () => Promise.reject(full), { signal }),
    (error) => AppError.is(error, "DISK_FULL"),
  );
  assert.deepEqual(await readdir(root), []);
});

test("references: exact id, then the newest of a name, then an unambiguous prefix", async () => {
  const store = makeStore();
  await store.publish(A, fillWith({ id: A, name: "old", createdAt: "2026-01-01T00:00:00.000Z" }), { signal });
  await store.publish(B, fillWith({ id: B, name: "old", createdAt: "2026-02-01T00:00:00.000Z" }), { signal });
  await store.publish(C, fillWith({ id: C, name: "aaaa" }), { signal });
  assert.equal((await store.find(A)).manifest.id, A);
  assert.equal((await store.find("old")).manifest.id, B);
  assert.equal((await store.find("aaaa")).manifest.id, C); // a name before a prefix
  assert.equal((await store.find("cc")).manifest.id, C);
  await assert.rejects(store.find("aaa"), { code: "REF_AMBIGUOUS" });
  await assert.rejects(store.find("zzz"), { code: "IMAGE_NOT_FOUND" });
  await assert.rejects(store.find(""), { code: "IMAGE_NOT_FOUND" });
});

test("a corrupt entry is reported, found only as corrupt, and replaced by a new publish", async () => {
  const store = makeStore();
  await store.publish(A, fillWith({ id: A }), { signal });
  await rm(join(root, A, "manifest.json"));
  await writeFile(join(root, A, "manifest.json"), '{"id": "aaaa');
  await store.publish(C, fillWith({ id: C }), { signal });
  const listing = await store.list();
  assert.deepEqual(
    listing.entries.map((entry) => entry.manifest.id),
    [C],
  );
  assert.deepEqual(
    listing.corrupt.map((entry) => [entry.id, entry.reason]),
    [[A, "manifest.json is not JSON"]],
  );
  await assert.rejects(store.find(A), { code: "IMAGE_CORRUPT" });
  assert.equal((await store.publish(A, fillWith({ id: A }), { signal })).manifest.id, A);
  assert.equal((await store.list()).corrupt.length, 0);
});

test("another process that was quicker with the same content wins", async () => {
  const store = makeStore();
  const made = await store.publish(
    A,
    async (dir) => {
      await makeStore().publish(A, fillWith({ id: A, name: "theirs" }), { signal });
      return await fillWith({ id: A, name: "ours" })(dir);
    },
    { signal },
  );
  assert.equal(made.manifest.name, "theirs");
  assert.deepEqual(await readdir(root), [A]);
});

test("remove takes an entry away, twice is fine", async () => {
  const store = makeStore();
  await store.publish(A, fillWith({ id: A }), { signal });
  await store.remove(A);
  await store.remove(A);
  assert.deepEqual(await readdir(root), []);
});

test("sweep removes what dead processes left, and nothing else", async () => {
  const store = makeStore();
  await store.publish(A, fillWith({ id: A }), { signal });
  const names = [".staging.dead-1.00", ".trash.dead-1.00", ".staging.alive-2.00", ".staging.me-1.00", ".other"];
  for (const name of names) await mkdir(join(root, name, "inner"), { recursive: true });
  assert.deepEqual(await store.sweep(), [".staging.dead-1.00", ".trash.dead-1.00"]);
  assert.deepEqual((await readdir(root)).sort(), [".other", ".staging.alive-2.00", ".staging.me-1.00", A]);
});

test("sizes tell holes from content", async () => {
  const store = makeStore();
  const made = await store.publish(
    A,
    async (dir) => {
      await writeFile(join(dir, "sparse"), "");
      await truncate(join(dir, "sparse"), 64 << 20);
      return await fillWith({ id: A })(dir);
    },
    { signal },
  );
  const bytes = await store.bytesOnDisk(made.manifest.id);
  assert.ok(bytes < 1 << 20);
  await store.remove(A);
  assert.equal(await store.bytesOnDisk(A), 0);
});
