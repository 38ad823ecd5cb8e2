/**
 * Splits a byte stream into lines that end in LF, and nothing else: a carriage return is part of its line.
 *
 * Lines are pulled, so that a reader can stop between two of them and take what follows as raw bytes. The size cap is
 * checked before memory is taken. An unfinished line is kept in one buffer that doubles: a list of the pieces would
 * cost far more than the line when a peer writes single bytes.
 */
import { AppError } from "@banger/contract/errors";

const LF = 0x0a;
const EMPTY = Buffer.alloc(0);
const FIRST_BYTES = 1024;

export class LineDecoder {
  readonly #maxBytes: number;
  /** the beginning of an unfinished line, `#heldBytes` of it in use */
  #held = EMPTY;
  #heldBytes = 0;
  #chunk: Buffer = EMPTY;
  #at = 0;

  constructor(options: { maxBytes: number }) {
    this.#maxBytes = options.maxBytes;
  }

  feed(chunk: Buffer): void {
    this.#chunk = this.#at < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
  }

  /** The next whole line without its end, or undefined when more bytes are needed. */
  next(): string | undefined {
    const end = this.#chunk.indexOf(LF, this.#at);
    const stop = end === -1 ? this.#chunk.length : end;
    this.#checkSize(this.#heldBytes + stop - this.#at);
    if (end === -1) {
      this.#hold(this.#chunk.subarray(this.#at));
      this.#chunk = EMPTY;
      this.#at = 0;
      return undefined;
    }
    const from = this.#at;
    this.#at = end + 1;
    if (this.#heldBytes === 0) return this.#chunk.toString("utf8", from, end);
    this.#hold(this.#chunk.subarray(from, end));
    const line = this.#held.toString("utf8", 0, this.#heldBytes);
    this.#release();
    return line;
  }

  /** Takes out everything that was not given as a line. */
  rest(): Buffer {
    const rest = Buffer.concat([this.#held.subarray(0, this.#heldBytes), this.#chunk.subarray(this.#at)]);
    this.#release();
    this.#chunk = EMPTY;
    this.#at = 0;
    return rest;
  }

  #checkSize(bytes: number): void {
    if (bytes <= this.#maxBytes) return;
    throw new AppError("PROTOCOL_BROKEN", `a line of more than ${this.#maxBytes} bytes came in`, {
      facts: { maxBytes: this.#maxBytes },
    });
  }

  #hold(part: Buffer): void {
    const needed = this.#heldBytes + part.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(this.#maxBytes, Math.max(FIRST_BYTES, needed, this.#held.length * 2)),
      );
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    part.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #release(): void {
    this.#held = EMPTY;
    this.#heldBytes = 0;
  }
}
