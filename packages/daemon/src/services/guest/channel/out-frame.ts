/** The frames that streams send, as heads and payloads; and the one number that ACK and RESET carry, read. */
import { joinBytes } from "@banger/contract/byte-queue";
import { FLAG_FIN, FRAME_TYPE, type FrameHead, readU64, writeU64 } from "@banger/contract/guest/frame";
import { protocolBroken } from "./guest-error.ts";

export type OutFrame = { readonly head: FrameHead; readonly parts: readonly Uint8Array[] };

export function dataFrame(
  stream: number,
  { offset, parts, length, fin }: { offset: number; parts: readonly Uint8Array[]; length: number; fin: boolean },
): OutFrame {
  return { head: { type: FRAME_TYPE.data, flag: fin ? FLAG_FIN : 0, stream, offset, length }, parts };
}

export function ackFrame(
  stream: number,
  { offset, limit, fin }: { offset: number; limit: number; fin: boolean },
): OutFrame {
  const head = { type: FRAME_TYPE.ack, flag: fin ? FLAG_FIN : 0, stream, offset, length: 8 };
  return { head, parts: [encodeU64(limit)] };
}

export function resetFrame(stream: number, errno: number): OutFrame {
  return { head: { type: FRAME_TYPE.reset, flag: 0, stream, offset: 0, length: 8 }, parts: [encodeU64(errno)] };
}

/** Throws GUEST_PROTOCOL; `what` is the frame whose payload it is. */
export function payloadU64(parts: readonly Uint8Array[], what: string): number {
  const bytes = joinBytes(parts);
  const value = bytes.length === 8 ? readU64(new DataView(bytes.buffer, bytes.byteOffset, 8), 0) : undefined;
  if (value === undefined) throw protocolBroken(`${what} without a number`);
  return value;
}

function encodeU64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeU64(new DataView(bytes.buffer), { at: 0, value });
  return bytes;
}
