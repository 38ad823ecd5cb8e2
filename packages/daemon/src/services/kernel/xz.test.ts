import assert from "node:assert/strict";
import { test } from "node:test";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import fc from "fast-check";
import { fakeVmlinux } from "./bzimage-fake.ts";
import { XzError } from "./range-decoder.ts";
import { decodeXz } from "./xz.ts";

const exec = createNodeExec();
const signal = new AbortController().signal;

async function xz(input: Buffer, ...options: string[]): Promise<Buffer> {
  return (await exec.run(["xz", "--check=crc32", ...options, "-c"], { input })).stdout;
}

/** something of everything: runs, text, code, noise, and an end that is no whole instruction */
const noise = Buffer.from(Array.from({ length: 70_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 0xff));
const SAMPLE = Buffer.concat([
  Buffer.alloc(5000, "abc"),
  fakeVmlinux(100_000),
  noise,
  Buffer.from([0xe9, 0, 0xe8, 0xff]),
]);

for (const options of [
  ["-6"],
  ["-0"],
  ["--x86", "--lzma2=dict=32MiB"],
  ["--lzma2=lc=1,lp=3,pb=0"],
  ["--lzma2=lc=0,lp=0,pb=4,nice=273"],
  ["-T2", "--block-size=40000"],
  ["--x86", "--lzma2", "--check=sha256"],
  ["--check=none"],
]) {
  test(`xz ${options.join(" ")} is decoded`, async () => {
    assert.ok((await decodeXz(await xz(SAMPLE, ...options), { maxBytes: SAMPLE.length, signal })).equals(SAMPLE));
  });
}

test("opcodes close to each other come out of the x86 filter as they went in", async () => {
  const bytes = fc.array(fc.constantFrom(0xe8, 0xe9, 0x00, 0xff, 0x01, 0x7f), { minLength: 400, maxLength: 3000 });
  await fc.assert(
    fc.asyncProperty(bytes, async (code) => {
      const input = Buffer.from(code);
      const output = await decodeXz(await xz(input, "--x86", "--lzma2"), { maxBytes: input.length, signal });
      assert.ok(output.equals(input));
    }),
    { numRuns: 15 },
  );
});

test("nothing is an empty file", async () => {
  assert.equal((await decodeXz(await xz(Buffer.alloc(0)), { maxBytes: 0, signal })).length, 0);
});

test("more than was allowed is refused before it is made", async () => {
  await assert.rejects(decodeXz(await xz(SAMPLE), { maxBytes: SAMPLE.length - 1, signal }), XzError);
});

test("every cut and every changed byte throws XzError or gives the same bytes", async () => {
  const input = SAMPLE.subarray(3000, 12_000);
  const stream = await xz(input, "--x86", "--lzma2");
  for (let length = 0; length < stream.length - 32; length += 13) {
    await assert.rejects(decodeXz(stream.subarray(0, length), { maxBytes: input.length, signal }), XzError);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(stream.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
      const damaged = Buffer.from(stream);
      damaged[at] = (damaged[at] ?? 0) ^ flip;
      await decodeXz(damaged, { maxBytes: 1 << 20, signal }).then(
        (output) => assert.ok(output.equals(input)),
        (error) => assert.ok(error instanceof XzError, String(error)),
      );
    }),
    { numRuns: 200 },
  );
});
