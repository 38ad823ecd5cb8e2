import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { type Control, decodeControl, encodeControl } from "./control.ts";
import { CONTROL_STREAM, FrameDecoder, frameHeader, HEADER_BYTES } from "./frames.ts";

type Frame = { stream: number; payload: Buffer };

const frames = fc.array(
  fc.record({
    stream: fc.integer({ min: 0, max: 20 }),
    payload: fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 20 },
);

function collector() {
  const data = new Map<number, Buffer[]>();
  const controls: Buffer[] = [];
  const decoder = new FrameDecoder({
    data: (stream, piece) => void data.set(stream, [...(data.get(stream) ?? []), Buffer.from(piece)]),
    control: (payload) => void controls.push(Buffer.from(payload)),
  });
  return { decoder, data, controls };
}

function encode(list: readonly Frame[]): Buffer {
  return Buffer.concat(list.flatMap(({ stream, payload }) => [frameHeader(stream, payload.length), payload]));
}

test("frames: any cutting of the bytes gives each stream its bytes in order", () => {
  fc.assert(
    fc.property(frames, fc.array(fc.integer({ min: 1, max: 50 })), (list, cuts) => {
      const bytes = encode(list);
      const { decoder, data } = collector();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const next = at + (cuts[i] ?? 1);
        decoder.push(bytes.subarray(at, next));
        at = next;
      }
      for (const stream of new Set(list.map((frame) => frame.stream))) {
        const wanted = list.filter((frame) => frame.stream === stream).map((frame) => frame.payload);
        assert.deepEqual(Buffer.concat(data.get(stream) ?? []), Buffer.concat(wanted));
      }
    }),
  );
});

test("frames: control payloads come whole", () => {
  const { decoder, controls } = collector();
  for (const byte of encode([{ stream: CONTROL_STREAM, payload: Buffer.from("abc") }])) decoder.push(Buffer.of(byte));
  assert.deepEqual(controls.map(String), ["abc"]);
});

test("frames: a length of nothing or too much is refused when its header is there", () => {
  for (const [stream, length] of [
    [0, 0],
    [0, 65_537],
    [0, 0xffffffff],
    [CONTROL_STREAM, 16_385],
  ] as const) {
    const { decoder } = collector();
    const header = frameHeader(stream, length);
    assert.throws(
      () => decoder.push(header),
      (error) => AppError.is(error, "PROTOCOL_BROKEN"),
    );
  }
});

test("control: every message survives the way there and back", () => {
  const error = new AppError("DISK_FULL", "full", { facts: { a: 1 } });
  const all: Control[] = [
    { kind: "credit", stream: 3, bytes: 131072 },
    { kind: "end", stream: 15 },
    { kind: "reset", stream: 0, error },
    { kind: "close", error },
    { kind: "close", error: undefined },
  ];
  for (const control of all) {
    const back = decodeControl(encodeControl(control).subarray(HEADER_BYTES));
    assert.equal(back.kind, control.kind);
    if ("bytes" in back) assert.deepEqual(back, control);
    if ("error" in back && back.error) assert.deepEqual(back.error.facts, { a: 1 });
  }
});

test("control: an error too long for a frame is cut, not dropped", () => {
  const error = new AppError("DISK_FULL", "x".repeat(1e6), { facts: { long: "y".repeat(1e6) } });
  const back = decodeControl(encodeControl({ kind: "close", error }).subarray(HEADER_BYTES));
  assert.ok(back.kind === "close" && back.error?.code === "DISK_FULL");
});

test("control: any bytes are a message or PROTOCOL_BROKEN", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (bytes) => {
      try {
        decodeControl(Buffer.from(bytes));
      } catch (error) {
        assert.ok(AppError.is(error, "PROTOCOL_BROKEN"), String(error));
      }
    }),
  );
});
