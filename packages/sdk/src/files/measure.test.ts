/** What is told beforehand is what is counted in the end. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { LeftOut } from "./left-out.ts";
import { measure } from "./measure.ts";
import { pack } from "./pack.ts";

test("a tree is measured as it is packed: links as links, what is named followed, directories not counted", async () => {
  const directory = await mkdtemp(join(tmpdir(), "banger-measure-"));
  try {
    await mkdir(join(directory, "tree/deep"), { recursive: true });
    for (let file = 0; file < 250; file += 1)
      await writeFile(join(directory, "tree/deep", `${file}`), "x".repeat(file));
    await symlink("deep/249", join(directory, "tree/link"));
    await symlink("tree", join(directory, "way"));
    const source = { name: Buffer.from("way"), deep: true, follow: true } as const;
    const sources = [{ ...source, path: Buffer.from(join(directory, "way")) }];
    let packed = { entries: 0, bytes: 0 };
    const onProgress = ({ entries, bytes }: typeof packed) => {
      packed = { entries, bytes };
    };
    for await (const _ of pack(sources, { leftOut: new LeftOut(), onProgress }));
    const { signal } = new AbortController();
    assert.deepEqual(await measure(sources, { signal }), packed);
    assert.deepEqual(packed, { entries: 251, bytes: (249 * 250) / 2 });
    await assert.rejects(measure(sources, { signal: AbortSignal.abort() }));
  } finally {
    await rm(directory, { recursive: true });
  }
});
