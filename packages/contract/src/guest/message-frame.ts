/** Messages on the control stream (docs/protocol/agent.md §4): a header of 12 bytes, then fields. */
import { ByteQueue } from "../byte-queue.ts";
import { MalformedError } from "./fields.ts";

export const MESSAGE_HEADER_BYTES = 12;
export const MAX_FIELDS_BYTES = 262_144;
/** added to a request's type in its answer */
export const ANSWER_BIT = 0x8000;

export type Message = {
  readonly type: number /** 0 for an event */;
  readonly request: number;
  readonly body: Uint8Array;
};

export function encodeMessage(message: Message): Uint8Array {
  const { type, request, body } = message;
  if (body.length > MAX_FIELDS_BYTES)
    throw new RangeError(`a message of ${body.length} bytes is above ${MAX_FIELDS_BYTES}`);
  const bytes = new Uint8Array(MESSAGE_HEADER_BYTES + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, body.length, true);
  view.setUint16(4, type, true);
  view.setUint32(8, request, true);
  bytes.set(body, MESSAGE_HEADER_BYTES);
  return bytes;
}

/** Puts messages together from pieces of the control stream; holds at most one. */
export class MessageAssembler {
  readonly #queue = new ByteQueue();

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** The next whole message. Throws MalformedError, after which the stream is of no use. */
  next(): Message | undefined {
    if (this.#queue.length < MESSAGE_HEADER_BYTES) return undefined;
    const header = this.#queue.slice(0, MESSAGE_HEADER_BYTES);
    const view = new DataView(header.buffer, header.byteOffset, MESSAGE_HEADER_BYTES);
    const length = view.getUint32(0, true);
    if (length > MAX_FIELDS_BYTES)
      throw new MalformedError(`a message of ${length} bytes is above ${MAX_FIELDS_BYTES}`);
    if (view.getUint16(6, true) !== 0) throw new MalformedError("reserved bits of a message are set");
    if (this.#queue.length < MESSAGE_HEADER_BYTES + length) return undefined;
    const body = this.#queue.slice(MESSAGE_HEADER_BYTES, length);
    this.#queue.skip(MESSAGE_HEADER_BYTES + length);
    return { type: view.getUint16(4, true), request: view.getUint32(8, true), body };
  }
}
