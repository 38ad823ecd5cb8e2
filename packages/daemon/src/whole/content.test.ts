/** What list and show tell of images and kernels. */
import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { DaemonBench } from "../testing/daemon-bench.ts";
import { IMAGE_ID, KERNEL_ID, putImage } from "../testing/stores-fake.ts";

const HOLES = 64 * 2 ** 20;

async function blocksOf(directory: string): Promise<number> {
  const names = [".", ...(await readdir(directory))];
  const stats = await Promise.all(names.map((name) => stat(join(directory, name))));
  return stats.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

test("the size of an image or a kernel is what it takes on the host's disk, holes not counted", async () => {
  await using bench = await DaemonBench.make();
  await putImage(bench.paths, { bytes: HOLES });
  const client = await bench.start();
  const { images } = await client.call("image.list", {});
  const image = await client.call("image.show", { ref: "minimal" });
  assert.deepEqual(images, [image]);
  assert.equal(image.bytes, await blocksOf(join(bench.paths.images, IMAGE_ID)));
  assert.ok(image.bytes < HOLES / 10, String(image.bytes));
  const kernel = await client.call("kernel.show", { ref: "debian" });
  assert.deepEqual((await client.call("kernel.list", {})).kernels, [kernel]);
  assert.equal(kernel.bytes, await blocksOf(join(bench.paths.kernels, KERNEL_ID)));
});
