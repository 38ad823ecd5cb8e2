import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { test } from "node:test";
import { encodeFrame, FRAME_TYPE } from "@banger/contract/guest/frame";
import { FramePipe } from "./frame-pipe.ts";
import type { OutFrame } from "./out-frame.ts";

const EPOCH = 5;

function dataFrame(bytes: number): OutFrame {
  const head = { type: FRAME_TYPE.data, flag: 0, stream: 2, offset: 0, length: bytes };
  return { head, parts: [new Uint8Array(bytes)] };
}

test("it asks for no more frames than the other end takes: what is urgent waits for one frame at most", async () => {
  const writes: unknown[] = [];
  const slow = new Duplex({ read: () => undefined, write: (chunk) => void writes.push(chunk) });
  let asked = 0;
  const next = () => {
    asked++;
    return dataFrame(65_536);
  };
  const pipe = new FramePipe(slow, { decoded: () => undefined, next, ended: () => undefined, failed: assert.fail });
  pipe.enter(EPOCH);
  await new Promise(setImmediate);
  assert.equal(writes.length, 1);
  assert.equal(asked, 1);
  pipe.wake();
  await new Promise(setImmediate);
  assert.equal(asked, 1);
  pipe.destroy();
});

test("a guest that floods gets its share of a turn, not all of it", async () => {
  const { header, trailer } = encodeFrame(dataFrame(65_536).head, EPOCH);
  const chunk = Buffer.concat([header, Buffer.alloc(65_536), trailer]);
  const endless = new Duplex({ read: () => void endless.push(chunk), write: (_chunk, _encoding, done) => done() });
  let frames = 0;
  const pipe: FramePipe = new FramePipe(endless, {
    decoded: () => void frames++,
    next: () => undefined,
    ended: () => undefined,
    failed: assert.fail,
  });
  pipe.enter(EPOCH);
  const perTurn: number[] = [];
  for (let turn = 0; turn < 10; turn++) {
    const before = frames;
    await new Promise(setImmediate);
    perTurn.push(frames - before);
  }
  pipe.destroy();
  assert.ok(Math.max(...perTurn) <= 16 && frames > 10, perTurn.join(" "));
});

test("what the reader of frames throws closes the pipe and is told, once", async () => {
  const wire = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const failures: unknown[] = [];
  const reason = new Error("no");
  const pipe = new FramePipe(wire, {
    decoded: () => {
      throw reason;
    },
    next: () => undefined,
    ended: () => assert.fail("it failed, it did not end"),
    failed: (error) => void failures.push(error),
  });
  pipe.enter(EPOCH);
  wire.push(Buffer.alloc(64, 0xee));
  await new Promise(setImmediate);
  assert.deepEqual(failures, [reason]);
  assert.ok(wire.destroyed);
});
