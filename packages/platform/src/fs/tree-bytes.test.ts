import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { treeBytes } from "./tree-bytes.ts";

test("what files take up: folders within, holes for nothing, links not followed", async () => {
  const root = await mkdtemp(join(tmpdir(), "banger-tree-"));
  try {
    const empty = await treeBytes(root);
    await mkdir(join(root, "a"));
    await writeFile(join(root, "a/file"), Buffer.alloc(1 << 20, 1));
    await truncate(join(root, "a/file"), 2 ** 33);
    await symlink("a/file", join(root, "link"));
    const bytes = (await treeBytes(root)) - empty;
    assert.ok(bytes >= 1 << 20 && bytes < 2 << 20, String(bytes));
    assert.equal(await treeBytes(join(root, "nothing")), 0);
  } finally {
    await rm(root, { recursive: true });
  }
});
