import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LineSplitter, TailBuffer } from "./output.ts";

test("tail: exactly the last bytes, however they come", () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes.map((b) => b & 0x7f))));
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 50 }), (list, maxBytes) => {
      const tail = new TailBuffer(maxBytes);
      for (const chunk of list) tail.push(chunk);
      assert.equal(tail.toString(), Buffer.concat(list).subarray(-maxBytes).toString());
    }),
  );
});

test("splitter: any cutting gives the same lines, also within a character", () => {
  const text = "première\rdeuxième\r\n\n50 %\rdernière";
  const bytes = Buffer.from(text);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: bytes.length }), (cuts) => {
      const lines: string[] = [];
      const splitter = new LineSplitter((line) => lines.push(line));
      for (let at = 0, i = 0; at < bytes.length; at += cuts[i++] ?? 1) {
        splitter.push(bytes.subarray(at, at + (cuts[i] ?? 1)));
      }
      splitter.end();
      assert.deepEqual(lines, ["première", "deuxième", "50 %", "dernière"]);
    }),
  );
});

test("splitter: a line without an end does not pile up", () => {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (let i = 0; i < 100; i++) splitter.push(Buffer.alloc(1000, 97));
  splitter.end();
  assert.equal(lines.join("").length, 100_000);
  assert.ok(lines.length > 5);
});
