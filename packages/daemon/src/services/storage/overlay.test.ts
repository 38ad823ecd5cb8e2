import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import * as z from "zod";
import { makeOverlay, overlayClusters } from "./overlay.ts";

const exec = createNodeExec();
const GIB = 2 ** 30;
const Info = z.object({
  format: z.string(),
  "virtual-size": z.number(),
  "cluster-size": z.number(),
  "backing-filename": z.string(),
  "backing-filename-format": z.string(),
  "format-specific": z.object({ data: z.object({ compat: z.string(), "refcount-bits": z.number() }) }),
});

let dir = "";
let backing = "";
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "overlay-"));
  backing = join(dir, "image.ext4");
  await writeFile(backing, "the.image.s.first bytes");
  await truncate(backing, 2 * GIB);
});
after(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function info(path: string) {
  return Info.parse(JSON.parse((await exec.run(["qemu-img", "info", "--output=json", path])).stdout.toString()));
}

for (const sizeBytes of [512, 2 * GIB, 8 * GIB + 512, 100 * GIB, 2 ** 45]) {
  test(`an overlay of ${sizeBytes} bytes is what qemu-img makes, and sound`, async () => {
    const ours = join(dir, `ours-${sizeBytes}`);
    const theirs = join(dir, `theirs-${sizeBytes}`);
    await makeOverlay(ours, { backing, sizeBytes });
    await exec.run(["qemu-img", "create", "-q", "-f", "qcow2", "-b", backing, "-F", "raw", theirs, String(sizeBytes)]);
    assert.deepEqual(await info(ours), await info(theirs));
    await exec.run(["qemu-img", "check", "-q", ours]);
    const { blocks, mode } = await stat(ours);
    assert.ok(blocks * 512 < 1 << 20);
    assert.equal(mode & 0o777, 0o600);
  });
}

test("reads come from the image, and zeroes beyond its end", async () => {
  const path = join(dir, "reads");
  await makeOverlay(path, { backing, sizeBytes: 3 * GIB });
  await exec.run(["qemu-io", "-r", "-c", `read -P 0 ${2 * GIB} 64k`, path]);
  const { stdout } = await exec.run(["qemu-io", "-r", "-c", "read -v 0 16", path]);
  assert.match(stdout.toString(), /the.image.s.fir/);
});

test("writes stay in the overlay, and it stays sound", async () => {
  const path = join(dir, "writes");
  await makeOverlay(path, { backing, sizeBytes: 8 * GIB });
  await exec.run(["qemu-io", "-c", "write -P 7 0 64k", "-c", `write -P 7 ${7 * GIB} 1M`, path]);
  await exec.run(["qemu-io", "-r", "-c", "read -P 7 0 64k", "-c", `read -P 7 ${7 * GIB} 1M`, path]);
  await exec.run(["qemu-img", "check", "-q", path]);
  const { stdout } = await exec.run(["qemu-io", "-r", "-f", "raw", "-c", "read -v 0 16", backing]);
  assert.match(stdout.toString(), /the.image.s.fir/);
});

test("what can not be an overlay is refused and leaves nothing", async () => {
  const path = join(dir, "never");
  for (const sizeBytes of [0, -512, 513, Number.NaN, 2 ** 52]) {
    await assert.rejects(makeOverlay(path, { backing, sizeBytes }), { code: "SIZE_INVALID" });
  }
  for (const bad of ["image.ext4", `/${"x".repeat(1023)}`]) {
    assert.throws(() => overlayClusters({ backing: bad, sizeBytes: GIB }), { code: "PATH_TOO_LONG" });
  }
  assert.ok(!(await readdir(dir)).includes("never"));
});

test("an overlay that is there is never replaced", async () => {
  const path = join(dir, "kept");
  await writeFile(path, "somebody's disk");
  await assert.rejects(makeOverlay(path, { backing, sizeBytes: GIB }), { code: "EEXIST" });
  assert.equal((await stat(path)).size, 15);
});
