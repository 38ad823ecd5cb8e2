import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteRing } from "./byte-ring.ts";

const CAPACITY = 4_096;

function joined(views: readonly Uint8Array[]): number[] {
  return [...Buffer.concat(views)];
}

test("whatever is pushed and skipped, what is seen is what a plain list has", () => {
  const push = fc.record({ push: fc.nat(3_000) });
  const skip = fc.record({ skip: fc.nat(3_000) });
  fc.assert(
    fc.property(fc.array(fc.oneof(push, skip), { maxLength: 60 }), fc.nat(), (steps, where) => {
      const ring = new ByteRing(CAPACITY);
      let list: number[] = [];
      let next = 0;
      for (const step of steps) {
        if ("push" in step) {
          const bytes = Uint8Array.from({ length: Math.min(step.push, CAPACITY - list.length) }, () => next++ % 251);
          ring.push(bytes);
          list.push(...bytes);
          bytes.fill(255); // it was copied
        } else {
          ring.skip(step.skip);
          list = list.slice(step.skip);
        }
        const offset = list.length === 0 ? 0 : where % list.length;
        assert.equal(ring.length, list.length);
        assert.deepEqual(joined(ring.view(offset, list.length - offset)), list.slice(offset));
      }
    }),
  );
});

test("more than it may hold is a mistake of ours", () => {
  const ring = new ByteRing(CAPACITY);
  ring.push(new Uint8Array(CAPACITY));
  assert.throws(() => ring.push(new Uint8Array(1)), RangeError);
  ring.clear();
  ring.push(new Uint8Array(CAPACITY));
  assert.equal(ring.length, CAPACITY);
});
