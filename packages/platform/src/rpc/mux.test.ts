import assert from "node:assert/strict";
import { once } from "node:events";
import { type Duplex, duplexPair } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { finished, pipeline } from "node:stream/promises";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { encodeControl } from "./control.ts";
import { frameHeader } from "./frames.ts";
import { Mux } from "./mux.ts";
import { WINDOW_BYTES } from "./mux-stream.ts";

function pair(): { a: Mux; b: Mux; wireA: Duplex; wireB: Duplex } {
  const [wireA, wireB] = duplexPair();
  return { a: new Mux(wireA), b: new Mux(wireB), wireA, wireB };
}

function code(expected: string) {
  return (error: unknown) => AppError.is(error) && error.code === expected;
}

/** Writes until the stream asks to wait; gives the bytes it took. */
function fill(stream: Duplex): number {
  let bytes = 0;
  const chunk = Buffer.alloc(16 << 10, 1);
  do bytes += chunk.length;
  while (stream.write(chunk));
  return bytes;
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
}

test("mux: streams carry bytes both ways and close half by half", async () => {
  const { a, b } = pair();
  a.stream(0).end("question");
  assert.equal(await text(b.stream(0)), "question");
  b.stream(0).end("answer");
  assert.equal(await text(a.stream(0)), "answer");
  await Promise.all([a.close(), b.close()]);
  await a.closed;
  await b.closed;
});

test("mux: megabytes in many sizes arrive whole, in order, on several streams at once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.integer({ min: 1, max: 200_000 }), { minLength: 1, maxLength: 8 }), {
        minLength: 1,
        maxLength: 4,
      }),
      async (streams) => {
        const { a, b } = pair();
        const reads = streams.map((_, id) => buffer(b.stream(id)));
        const wanted = streams.map((sizes, id) => sizes.map((size, i) => Buffer.alloc(size, id * 16 + i)));
        wanted.forEach((chunks, id) => {
          for (const chunk of chunks) a.stream(id).write(chunk);
          a.stream(id).end();
        });
        const got = await Promise.all(reads);
        got.forEach((bytes, id) => {
          assert.ok(bytes.equals(Buffer.concat(wanted[id] ?? [])));
        });
        await Promise.all([a.close(), b.close()]);
      },
    ),
    { numRuns: 15 },
  );
});

test("mux: a reader that stands still stops its writer, and other streams go on", async () => {
  const { a, b, wireA } = pair();
  let bytes = 0;
  const stuck = a.stream(1);
  for (let turn = 0; turn < 100; turn++) {
    if (!stuck.writableNeedDrain) bytes += fill(stuck);
    await settled();
  }
  assert.ok(bytes <= WINDOW_BYTES + (128 << 10), `${bytes} bytes were taken`);
  assert.ok(wireA.writableLength < 64 << 10);
  a.stream(2).end("still here");
  assert.equal(await text(b.stream(2)), "still here");
  stuck.end();
  assert.equal((await buffer(b.stream(1))).length, bytes);
  await Promise.all([a.close(), b.close()]);
});

test("mux: a connection that is never read holds back the writer", async () => {
  const [wireA] = duplexPair();
  const a = new Mux(wireA);
  for (let id = 0; id < 8; id++) fill(a.stream(id));
  await settled();
  assert.ok(wireA.writableLength < 1 << 20, `${wireA.writableLength} bytes wait`);
  a.destroy(new AppError("CANCELLED", "enough"));
});

test("mux: a stream given up at one end fails at the other, and the connection lives", async () => {
  const { a, b } = pair();
  const writer = b.stream(1);
  fill(writer);
  a.stream(1).destroy();
  await assert.rejects(finished(writer), code("CANCELLED"));
  a.stream(0).end("ok");
  assert.equal(await text(b.stream(0)), "ok");
  await Promise.all([a.close(), b.close()]);
});

test("mux: close sends first what was ended", async () => {
  const { a, b } = pair();
  a.stream(0).end(Buffer.alloc(1 << 20, 7));
  const [got] = await Promise.all([buffer(b.stream(0)), a.close(), b.closed]);
  assert.equal(got.length, 1 << 20);
});

test("mux: a close with an error reaches every stream and `closed`", async () => {
  const { a, b } = pair();
  const reading = text(b.stream(0));
  await a.close(new AppError("VMM_DIED", "gone"));
  await assert.rejects(reading, code("VMM_DIED"));
  await assert.rejects(b.closed, code("VMM_DIED"));
});

test("mux: a connection that ends without a close is lost", async () => {
  const [wireA, wireB] = duplexPair();
  const a = new Mux(wireA, { lost: () => new AppError("DAEMON_UNREACHABLE", "lost") });
  const reading = text(a.stream(0));
  wireB.write(Buffer.concat([frameHeader(0, 4), Buffer.from("half")]));
  wireB.end();
  await assert.rejects(reading, code("DAEMON_UNREACHABLE"));
  await assert.rejects(a.closed, code("DAEMON_UNREACHABLE"));
  await a.close();
});

test("mux: bytes left over from the lines before come first", async () => {
  const [wireA, wireB] = duplexPair();
  const frame = Buffer.concat([frameHeader(0, 5), Buffer.from("hello"), encodeControl({ kind: "end", stream: 0 })]);
  const a = new Mux(wireA, { leftover: frame.subarray(0, 7) });
  wireB.write(frame.subarray(7));
  assert.equal(await text(a.stream(0)), "hello");
  a.destroy(new AppError("CANCELLED", "enough"));
});

test("mux: a peer that sends beyond its credit, or to a stream that cannot be, is cut off", async () => {
  const over = Array.from({ length: 6 }, () => Buffer.concat([frameHeader(0, 65_536), Buffer.alloc(65_536)]));
  for (const bytes of [
    Buffer.concat(over),
    Buffer.concat([frameHeader(99, 1), Buffer.alloc(1)]),
    encodeControl({ kind: "credit", stream: 0, bytes: 0xffffffff }),
    encodeControl({ kind: "credit", stream: 0, bytes: 0 }),
    Buffer.concat([encodeControl({ kind: "end", stream: 0 }), frameHeader(0, 1), Buffer.alloc(1)]),
  ]) {
    const [wireA, wireB] = duplexPair();
    const a = new Mux(wireA);
    wireB.resume();
    wireB.write(bytes);
    await assert.rejects(a.closed, code("PROTOCOL_BROKEN"));
    wireB.end();
    await a.close();
  }
});

test("mux: whatever a peer sends, the connection ends in order or with an AppError", async () => {
  const header = fc
    .tuple(fc.integer({ min: 0, max: 300 }), fc.constantFrom(0, 1, 15, 16, 255), fc.uint8Array({ maxLength: 40 }))
    .map(([length, stream, body]) => Buffer.concat([frameHeader(stream, length), body]));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(header, fc.uint8Array({ maxLength: 30 })), { maxLength: 10 }), async (parts) => {
      const [wireA, wireB] = duplexPair();
      const a = new Mux(wireA);
      wireB.resume();
      for (const part of parts) wireB.write(part);
      wireB.end();
      await a.closed.catch((error: unknown) => assert.ok(AppError.is(error), String(error)));
      await a.close();
    }),
    { numRuns: 200 },
  );
});

test("mux: single bytes cost no more memory than the window", async () => {
  const [wireA, wireB] = duplexPair();
  const a = new Mux(wireA);
  a.stream(0);
  const one = Buffer.concat([frameHeader(0, 1), Buffer.from("x")]);
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 64; i++) {
    wireB.write(Buffer.concat(Array.from({ length: 1024 }, () => one)));
    await new Promise(setImmediate);
  }
  await settled();
  assert.ok(process.memoryUsage().arrayBuffers - before < 4 << 20);
  a.destroy(new AppError("CANCELLED", "enough"));
});

test("mux: closing twice, and destroying what is closed, is fine", async () => {
  const { a, b } = pair();
  await Promise.all([a.close(), a.close(), b.close()]);
  a.destroy(new AppError("CANCELLED", "late"));
  await a.closed;
});

test("mux: an echo through a pipeline ends in order", async () => {
  const { a, b } = pair();
  const echo = pipeline(b.stream(0), b.stream(0));
  a.stream(0).end(Buffer.alloc(3 << 20, 5));
  assert.equal((await buffer(a.stream(0))).length, 3 << 20);
  await echo;
  if (!b.stream(0).closed) await once(b.stream(0), "close");
  await Promise.all([a.close(), b.close()]);
});
