/**
 * Frames of the agent protocol (docs/protocol/agent.md §1): layout and numbers, frozen for ever.
 *
 * Offsets are u64 on the wire and numbers here; one above 2^53 is no offset that anybody reaches.
 */
import { crc32 } from "./crc32.ts";

export const FRAME_TYPE = { hello: 1, data: 2, ack: 3, reset: 4 } as const;
/** flag of DATA: the sender's half ends here; of ACK: that end was received */
export const FLAG_FIN = 1;
export const HEADER_BYTES = 24;
export const TRAILER_BYTES = 4;
export const MAX_PAYLOAD_BYTES = 65_536;
/** zeros before a HELLO of the host: one largest frame, so that whatever was half read ends in them */
export const PREAMBLE_BYTES = HEADER_BYTES + MAX_PAYLOAD_BYTES + TRAILER_BYTES;
/** announces a HELLO to an end that scans */
export const MARKER = Uint8Array.of(
  0,
  0x42,
  0x41,
  0x4e,
  0x47,
  0x45,
  0x52,
  0xff,
  0xfe,
  0x0d,
  0x0a,
  0x1a,
  0x48,
  0x45,
  0x4c,
  0x31,
);

export type FrameHead = {
  readonly type: number;
  readonly flag: number;
  readonly stream: number;
  readonly offset: number;
  /** bytes of payload */
  readonly length: number;
};

export function writeU64(view: DataView, options: { at: number; value: number }): void {
  view.setUint32(options.at, options.value >>> 0, true);
  view.setUint32(options.at + 4, Math.floor(options.value / 2 ** 32), true);
}

/** Undefined above 2^53. */
export function readU64(view: DataView, at: number): number | undefined {
  const high = view.getUint32(at + 4, true);
  return high < 2 ** 21 ? high * 2 ** 32 + view.getUint32(at, true) : undefined;
}

/** Header and trailer; the payload goes between them. HELLO is checked with epoch 0 whatever `epoch` says. */
export function encodeFrame(head: FrameHead, epoch: number): { header: Uint8Array; trailer: Uint8Array } {
  const bytes = new Uint8Array(HEADER_BYTES + TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, head.length, true);
  view.setUint8(4, head.type);
  view.setUint8(5, head.flag);
  view.setUint32(8, head.stream, true);
  writeU64(view, { at: 12, value: head.offset });
  const check = crc32(bytes, { count: 20, seed: seedOf(head.type, epoch) });
  view.setUint32(20, check, true);
  view.setUint32(24, ~check >>> 0, true);
  return { header: bytes.subarray(0, HEADER_BYTES), trailer: bytes.subarray(HEADER_BYTES) };
}

function seedOf(type: number, epoch: number): number {
  return type === FRAME_TYPE.hello ? 0 : epoch >>> 0;
}

/** Undefined if the check is wrong, or a number in it is larger than any honest one. `bytes` are the 24 of a header. */
export function parseHead(bytes: Uint8Array, epoch: number): (FrameHead & { check: number }) | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const length = view.getUint32(0, true);
  const type = view.getUint8(4);
  const offset = readU64(view, 12);
  const check = view.getUint32(20, true);
  if (length > MAX_PAYLOAD_BYTES || offset === undefined) return undefined;
  if (crc32(bytes, { count: 20, seed: seedOf(type, epoch) }) !== check) return undefined;
  return { type, flag: view.getUint8(5), stream: view.getUint32(8, true), offset, length, check };
}

export function trailerMatches(bytes: Uint8Array, check: number): boolean {
  return new DataView(bytes.buffer, bytes.byteOffset, TRAILER_BYTES).getUint32(0, true) === ~check >>> 0;
}
