/** When the host acknowledges: what the agent waits for at once, the rest with something else or a little later. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FLAG_FIN, FRAME_TYPE } from "@banger/contract/guest/frame";
import type { GuestStream } from "./guest-stream.ts";
import { Mux } from "./mux.ts";
import { ReceiveHalf, WINDOW_BYTES } from "./receive-half.ts";
import { SendHalf } from "./send-half.ts";

function host() {
  const waits: (() => void)[] = [];
  const mux = new Mux(() => undefined, { linger: (over) => void waits.push(over) });
  const send = new SendHalf({ unused: true });
  const open = (id: number, durable: boolean) =>
    mux.open({ id, send, receive: new ReceiveHalf({ window: WINDOW_BYTES }), knownAfter: 0, durable });
  return { mux, waits, command: open(2, true), file: open(4, false) };
}

function comes(mux: Mux, stream: GuestStream, { bytes, fin = false }: { bytes: number; fin?: boolean }): void {
  const { received: offset } = stream.receive;
  const head = { type: FRAME_TYPE.data, flag: fin ? FLAG_FIN : 0, stream: stream.id, offset, length: bytes };
  mux.receive(head, [new Uint8Array(bytes)]);
  while (stream.receive.take(WINDOW_BYTES)) stream.receive.consume(Number.POSITIVE_INFINITY);
  mux.touch(stream);
}

function sent(mux: Mux): string[] {
  const frames: string[] = [];
  for (let frame = mux.next(); frame; frame = mux.next()) {
    const { type, stream, offset } = frame.head;
    frames.push(`${type === FRAME_TYPE.ack ? "ACK" : "DATA"} ${stream} ${offset}`);
  }
  return frames;
}

test("a little that was consumed is acknowledged when the wait is over, and once", () => {
  const { mux, waits, command } = host();
  comes(mux, mux.control, { bytes: 10 });
  comes(mux, command, { bytes: 20 });
  assert.deepEqual(sent(mux), []);
  assert.equal(waits.length, 1);
  waits.pop()?.();
  assert.deepEqual(sent(mux), ["ACK 0 10", "ACK 2 20"]);
  comes(mux, command, { bytes: 1 });
  assert.equal(waits.length, 1);
});

test("what is sent anyway takes it along, and nothing is left for later", () => {
  const { mux, waits, command } = host();
  comes(mux, command, { bytes: 20 });
  mux.control.send.push(new Uint8Array(5));
  mux.touch(mux.control);
  assert.deepEqual(sent(mux), ["DATA 0 0", "ACK 2 20"]);
  waits.pop()?.();
  assert.deepEqual(sent(mux), []);
});

test("a quarter of the window is acknowledged at once, however it came together", () => {
  const { mux, command } = host();
  comes(mux, command, { bytes: WINDOW_BYTES / 8 });
  assert.deepEqual(sent(mux), []);
  comes(mux, command, { bytes: WINDOW_BYTES / 8 });
  assert.deepEqual(sent(mux), [`ACK 2 ${WINDOW_BYTES / 4}`]);
});

test("the end of a file is acknowledged at once", () => {
  const { mux, file } = host();
  comes(mux, file, { bytes: 7, fin: true });
  assert.deepEqual(sent(mux), ["ACK 4 7"]);
});

test("bytes that come again are acknowledged at once: the agent does not know that they were consumed", () => {
  const { mux, command } = host();
  comes(mux, command, { bytes: 7 });
  mux.receive({ type: FRAME_TYPE.data, flag: 0, stream: 2, offset: 0, length: 5 }, [new Uint8Array(5)]);
  assert.deepEqual(sent(mux), ["ACK 2 7"]);
});

test("a new epoch tells where everything stands, whatever waited", () => {
  const { mux, waits, command, file } = host();
  comes(mux, command, { bytes: 7 });
  mux.resume();
  mux.receive({ type: FRAME_TYPE.ack, flag: 0, stream: 0, offset: 0, length: 8 }, [new Uint8Array(8)]);
  assert.deepEqual(sent(mux), ["ACK 0 0", "ACK 2 7", `ACK ${file.id} 0`]);
  waits.pop()?.();
  assert.deepEqual(sent(mux), []);
});
