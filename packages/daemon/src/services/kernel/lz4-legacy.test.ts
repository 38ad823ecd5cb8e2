import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeLz4Block, encodeLz4Legacy } from "./lz4-fake.ts";
import { decodeLz4Block, decodeLz4Legacy, Lz4Error } from "./lz4-legacy.ts";

const signal = new AbortController().signal;
/** few different bytes and long runs, so that there is something to match */
const content = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 400 })), { maxLength: 40 })
  .map((runs) => Buffer.concat(runs.map(([byte, length]) => Buffer.alloc(length, byte))));

test("what was compressed comes back, in any number of blocks", async () => {
  await fc.assert(
    fc.asyncProperty(content, fc.integer({ min: 20, max: 5000 }), async (input, blockBytes) => {
      const stream = encodeLz4Legacy(input, { blockBytes });
      assert.ok((await decodeLz4Legacy(stream, { sizeBytes: input.length, signal })).equals(input));
    }),
  );
});

test("a block by the letter of the format", () => {
  // 1 literal, then a match of 4 + 15 + 2 at offset 1, then 5 literals
  const block = Buffer.from([0x1f, 0x61, 0x01, 0x00, 0x02, 0x50, 0x62, 0x63, 0x64, 0x65, 0x66]);
  const output = Buffer.alloc(27);
  assert.equal(decodeLz4Block(block, { output, from: 0 }), 27);
  assert.equal(output.toString(), `${"a".repeat(22)}bcdef`);
});

test("what was compressed well shrinks", () => {
  assert.ok(encodeLz4Block(Buffer.alloc(10_000, 1)).length < 100);
});

test("any bytes decode or throw Lz4Error, within the output", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), fc.integer({ min: 0, max: 300 }), (bytes, size) => {
      const memory = Buffer.alloc(size + 16, 0xaa);
      try {
        const end = decodeLz4Block(Buffer.from(bytes), { output: memory.subarray(0, size), from: 0 });
        assert.ok(end <= size);
      } catch (error) {
        assert.ok(error instanceof Lz4Error, String(error));
      }
      assert.ok(memory.subarray(size).every((byte) => byte === 0xaa));
    }),
    { numRuns: 2000 },
  );
});

test("every cut of a stream throws Lz4Error", async () => {
  const input = Buffer.concat([Buffer.alloc(300, 1), Buffer.from("something that does not repeat")]);
  const stream = encodeLz4Legacy(input);
  for (let length = 0; length < stream.length; length += 1) {
    await assert.rejects(decodeLz4Legacy(stream.subarray(0, length), { sizeBytes: input.length, signal }), Lz4Error);
  }
});
