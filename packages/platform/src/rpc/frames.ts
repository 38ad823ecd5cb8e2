/**
 * Frames of an upgraded connection: `[u32 length LE][u8 stream][payload]`. Stream 255 carries the control messages.
 *
 * Data is given on in the pieces in which it comes, so a frame is never assembled; only control messages are, and they
 * are small.
 */
import { AppError } from "@banger/contract/errors";

export const HEADER_BYTES = 5;
export const MAX_PAYLOAD_BYTES = 64 << 10;
export const MAX_CONTROL_BYTES = 16 << 10;
export const CONTROL_STREAM = 255;

export type FrameSink = {
  data(stream: number, piece: Buffer): void;
  /** a whole control payload */
  control(payload: Buffer): void;
};

export function frameHeader(stream: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(length, 0);
  header[4] = stream;
  return header;
}

export class FrameDecoder {
  readonly #sink: FrameSink;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #stream = 0;
  /** payload bytes of the current frame still to come */
  #missing = 0;
  #control: Buffer | undefined;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      at += this.#missing > 0 ? this.#takePayload(chunk, at) : this.#takeHeader(chunk, at);
    }
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
    this.#headerBytes += taken;
    if (this.#headerBytes < HEADER_BYTES) return taken;
    this.#headerBytes = 0;
    this.#missing = this.#header.readUInt32LE(0);
    this.#stream = this.#header.readUInt8(4);
    const isControl = this.#stream === CONTROL_STREAM;
    const limit = isControl ? MAX_CONTROL_BYTES : MAX_PAYLOAD_BYTES;
    if (this.#missing === 0 || this.#missing > limit) {
      throw new AppError("PROTOCOL_BROKEN", `a frame of ${this.#missing} bytes came in, 1 to ${limit} are allowed`);
    }
    this.#control = isControl ? Buffer.alloc(this.#missing) : undefined;
    return taken;
  }

  #takePayload(chunk: Buffer, at: number): number {
    const piece = chunk.subarray(at, at + this.#missing);
    const control = this.#control;
    if (control) piece.copy(control, control.length - this.#missing);
    this.#missing -= piece.length;
    if (!control) this.#sink.data(this.#stream, piece);
    else if (this.#missing === 0) this.#sink.control(control);
    return piece.length;
  }
}
