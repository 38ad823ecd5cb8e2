import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteQueue, joinBytes } from "./byte-queue.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("push" as const), size: fc.integer({ min: 0, max: 20_000 }) }),
  fc.record({ do: fc.constant("take" as const), size: fc.integer({ min: 1, max: 30_000 }) }),
  fc.record({ do: fc.constant("skip" as const), size: fc.integer({ min: 0, max: 30_000 }) }),
  fc.record({ do: fc.constant("view" as const), size: fc.integer({ min: 0, max: 30_000 }) }),
);

test("it behaves as one array of bytes, whatever is pushed, taken, skipped and looked at", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ByteQueue();
      let model = Buffer.alloc(0);
      let value = 0;
      for (const { do: what, size } of steps) {
        if (what === "push") {
          const chunk = Buffer.from(Array.from({ length: size }, () => value++ & 0xff));
          queue.push(chunk);
          model = Buffer.concat([model, chunk]);
        } else if (what === "take") {
          const taken = queue.take(size) ?? new Uint8Array();
          assert.ok(taken.length <= size && (taken.length > 0 || model.length === 0));
          assert.deepEqual(Buffer.from(taken), model.subarray(0, taken.length));
          model = model.subarray(taken.length);
        } else if (what === "skip") {
          queue.skip(Math.min(size, model.length));
          model = model.subarray(Math.min(size, model.length));
        } else {
          const from = Math.min(size, model.length);
          assert.deepEqual(Buffer.from(joinBytes(queue.view(from, model.length - from))), model.subarray(from));
        }
        assert.equal(queue.length, model.length);
      }
    }),
    { numRuns: 60 },
  );
});

test("views that were handed out do not change when more is pushed", () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1));
  queue.push(Uint8Array.of(2));
  const [first, second] = queue.view(0, 2);
  queue.skip(2);
  for (let n = 3; n < 2_000; n++) queue.push(Uint8Array.of(n & 0xff));
  assert.deepEqual([first?.[0], second?.[0]], [1, 2]);
});

test("bytes that come one by one do not make one chunk each", () => {
  const queue = new ByteQueue();
  for (let n = 0; n < 100_000; n++) queue.push(Uint8Array.of(n & 0xff));
  assert.ok(queue.view(0, 100_000).length < 32);
});
