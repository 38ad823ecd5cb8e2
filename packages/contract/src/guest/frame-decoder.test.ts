import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { joinBytes } from "../byte-queue.ts";
import { encodeFrame, FRAME_TYPE, MAX_PAYLOAD_BYTES, PREAMBLE_BYTES } from "./frame.ts";
import { type Decoded, FrameDecoder } from "./frame-decoder.ts";
import { encodeHello, hostHello, PROTOCOL } from "./hello.ts";

const EPOCH = 1_756_947_043_960;
const hello = encodeHello(hostHello, { protocol: PROTOCOL, epoch: EPOCH, session: new Uint8Array(16), build: "1" });

function frame(stream: number, payload: Uint8Array): Buffer {
  const head = { type: FRAME_TYPE.data, flag: 0, stream, offset: 0, length: payload.length };
  const { header, trailer } = encodeFrame(head, EPOCH);
  return Buffer.concat([header, payload, trailer]);
}

function drain(decoder: FrameDecoder, chunk: Uint8Array): Decoded[] {
  const found: Decoded[] = [];
  decoder.push(chunk);
  for (let one = decoder.next(); one; one = decoder.next()) {
    found.push(one);
    if (one.kind === "hello") decoder.enter(EPOCH);
  }
  return found;
}

/** cuts the bytes at arbitrary places */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

test("how the bytes are cut changes nothing: hello, then every frame, in order", () => {
  const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 6 });
  fc.assert(
    fc.property(payloads, fc.array(fc.nat(), { maxLength: 20 }), (list, cuts) => {
      const traffic = Buffer.concat([Buffer.alloc(100), hello, ...list.map((payload, n) => frame(n, payload))]);
      const decoder = new FrameDecoder();
      const found = pieces(traffic, cuts).flatMap((piece) => drain(decoder, piece));
      assert.equal(found.shift()?.kind, "hello");
      const got = found.map((one) => one.kind === "frame" && Buffer.from(joinBytes(one.parts)));
      assert.deepEqual(
        got,
        list.map((payload) => Buffer.from(payload)),
      );
    }),
  );
});

test("arbitrary bytes never throw, and what is damaged is never delivered as a frame", () => {
  const damage = fc.record({ at: fc.nat(), bit: fc.integer({ min: 0, max: 7 }) });
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      damage,
      fc.array(fc.nat(), { maxLength: 8 }),
      (payload, { at, bit }, cuts) => {
        const bytes = Buffer.concat([frame(2, payload), frame(4, payload)]);
        const where = at % (bytes.length / 2);
        bytes[where] = (bytes[where] ?? 0) ^ (1 << bit);
        const decoder = new FrameDecoder();
        decoder.enter(EPOCH);
        const found = pieces(bytes, cuts).flatMap((piece) => drain(decoder, piece));
        const inPayload = where >= 24 && where < 24 + payload.length;
        // the trailer shows missing bytes, not changed ones: the pipe loses and replays, it does not corrupt
        if (!inPayload)
          assert.ok(
            found.every((one) => one.kind === "lost"),
            JSON.stringify(found),
          );
      },
    ),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.boolean(), (noise, open) => {
      const decoder = new FrameDecoder();
      if (open) decoder.enter(EPOCH);
      for (const one of drain(decoder, noise)) assert.notEqual(one.kind, "frame");
    }),
  );
});

test("bytes missing anywhere are noticed at the next frame at the latest", () => {
  const bytes = Buffer.concat([
    frame(2, Buffer.alloc(40, 1)),
    frame(4, Buffer.alloc(40, 2)),
    frame(6, Buffer.alloc(40, 3)),
  ]);
  for (let from = 0; from < bytes.length - 68; from++) {
    for (const count of [1, 7, 30]) {
      const decoder = new FrameDecoder();
      decoder.enter(EPOCH);
      const damaged = Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + count)]);
      const kinds = drain(decoder, damaged).map((one) => one.kind);
      const whole = kinds.filter((kind) => kind === "frame").length;
      assert.ok(kinds.includes("lost") || whole < 3);
    }
  }
});

test("whatever was half read ends within the zeros before a HELLO", () => {
  const half = frame(2, Buffer.alloc(MAX_PAYLOAD_BYTES, 5));
  for (const read of [0, 1, 23, 24, 25, 5_000, half.length - 5, half.length - 1]) {
    const decoder = new FrameDecoder();
    decoder.enter(EPOCH);
    drain(decoder, half.subarray(0, read));
    const found = drain(decoder, Buffer.concat([Buffer.alloc(PREAMBLE_BYTES), hello]));
    assert.equal(found.at(-1)?.kind, "hello", `after ${read} bytes`);
  }
});

test("a beginning of a HELLO whose end was lost does not hide the next one", () => {
  for (let cut = 1; cut < hello.length; cut++) {
    const decoder = new FrameDecoder();
    const found = drain(decoder, Buffer.concat([hello.subarray(0, cut), hello]));
    assert.ok(
      found.some((one) => one.kind === "hello"),
      `cut after ${cut} bytes`,
    );
  }
});

test("an end that scans forgets what it has seen: memory stays that of one frame", () => {
  const decoder = new FrameDecoder();
  const noise = Buffer.alloc(65_536, 0x42);
  for (let n = 0; n < 200; n++) assert.deepEqual(drain(decoder, noise), []);
  assert.equal(drain(decoder, hello).at(-1)?.kind, "hello");
});
