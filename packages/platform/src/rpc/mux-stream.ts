/**
 * One numbered stream of an upgraded connection, as a Node Duplex whose halves close on their own.
 *
 * The peer may send only what it has credit for, and gets more as our reader takes bytes out: so what a stream can
 * hold is bounded, and a reader that stands still stops the writer at the other end.
 */
import { Duplex } from "node:stream";
import { ByteQueue } from "@banger/contract/byte-queue";
import { AppError } from "@banger/contract/errors";
import type { Control } from "./control.ts";
import { MAX_PAYLOAD_BYTES } from "./frames.ts";

/** what each end may send on a fresh stream, bytes */
export const WINDOW_BYTES = 256 << 10;
const HIGH_WATER_BYTES = 64 << 10;
/** what is read before it is told; less makes a writer that waits for it, over several such links, stand still less */
const CREDIT_BYTES = WINDOW_BYTES / 8;

export type StreamLink = {
  /** false while the connection does not take more */
  readonly writable: boolean;
  /** `sent` is called when the kernel has the bytes, and not before: the writer may then use its buffer again */
  sendData(stream: number, piece: Uint8Array, sent: (() => void) | undefined): void;
  sendControl(control: Control): void;
};

type Pending = { piece: Buffer; readonly done: (error?: Error | null) => void };

export class MuxStream extends Duplex {
  readonly id: number;
  /** hears how many more of our bytes the peer's reader has taken; it need not tell of the last ones */
  onTaken: (bytes: number) => void = () => undefined;
  readonly #link: StreamLink;
  readonly #queue = new ByteQueue();
  /** bytes that we may still send */
  #credit = WINDOW_BYTES;
  /** bytes that the peer may still send */
  #room = WINDOW_BYTES;
  /** bytes read, not yet given back as credit */
  #owed = 0;
  #received = 0;
  #wanted = false;
  #peerEnded = false;
  #endedByPeer = false;
  #sentEnd = false;
  #pending: Pending | undefined;
  /** the peer wants nothing more: what is written is dropped */
  #discarding = false;
  #silent = false;

  constructor(id: number, link: StreamLink) {
    super({ allowHalfOpen: true, readableHighWaterMark: HIGH_WATER_BYTES, writableHighWaterMark: HIGH_WATER_BYTES });
    this.id = id;
    this.#link = link;
    // A stream that nobody looks at must not take the process down; `closed` of the connection tells the failure.
    this.on("error", () => undefined);
  }

  /** bytes that came in, read or not */
  get received(): number {
    return this.#received;
  }

  /** whether the peer ended its half, which the end of the connection does not tell */
  get endedByPeer(): boolean {
    return this.#endedByPeer;
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliver();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#pending = { piece: chunk, done };
    this.flush();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#sentEnd = true;
    this.#link.sendControl({ kind: "end", stream: this.id });
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#queue.clear();
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(error ?? new AppError("CANCELLED", `stream ${this.id} was destroyed`));
    if (!this.#silent && !(this.#sentEnd && this.#peerEnded)) {
      const reason = AppError.is(error) ? error : new AppError("CANCELLED", `stream ${this.id} was given up`);
      this.#link.sendControl({ kind: "reset", stream: this.id, error: reason });
    }
    done(error);
  }

  /** Sends what credit and connection allow; called again when either grows. */
  flush(): void {
    const pending = this.#pending;
    if (!pending) return;
    while (!this.#discarding && pending.piece.length > 0) {
      if (this.#credit === 0 || !this.#link.writable) return;
      const bytes = Math.min(pending.piece.length, this.#credit, MAX_PAYLOAD_BYTES);
      const piece = pending.piece.subarray(0, bytes);
      this.#credit -= bytes;
      pending.piece = pending.piece.subarray(bytes);
      if (pending.piece.length > 0) {
        this.#link.sendData(this.id, piece, undefined);
        continue;
      }
      this.#pending = undefined;
      this.#link.sendData(this.id, piece, pending.done);
      return;
    }
    this.#pending = undefined;
    pending.done();
  }

  receiveData(piece: Buffer): void {
    if (this.#peerEnded || piece.length > this.#room) {
      const what = this.#peerEnded ? "after its end" : "beyond its credit";
      throw new AppError("PROTOCOL_BROKEN", `the peer sent data on stream ${this.id} ${what}`);
    }
    this.#room -= piece.length;
    this.#received += piece.length;
    if (this.destroyed) return;
    this.#queue.push(piece);
    this.#deliver();
  }

  receiveEnd(): void {
    this.#endedByPeer ||= !this.#peerEnded;
    this.#end();
  }

  receiveCredit(bytes: number): void {
    this.#credit += bytes;
    if (bytes === 0 || this.#credit > WINDOW_BYTES) {
      throw new AppError("PROTOCOL_BROKEN", `the peer gave ${bytes} bytes of credit on stream ${this.id}`);
    }
    this.onTaken(bytes);
    this.flush();
  }

  /** The peer gave the stream up; nothing about it is told back. */
  receiveReset(error: AppError | undefined): void {
    this.#silent = true;
    this.destroy(error);
  }

  /** The connection is over, and nothing that came is to be lost: what came stays readable, what is written goes nowhere. */
  receiveClose(): void {
    this.#silent = true;
    this.#discarding = true;
    this.flush();
    this.#end();
  }

  #end(): void {
    if (this.#peerEnded) return;
    this.#peerEnded = true;
    this.#deliver();
  }

  #deliver(): void {
    while (this.#wanted) {
      const piece = this.#queue.take(Number.POSITIVE_INFINITY);
      if (piece === undefined) break;
      this.#wanted = this.push(Buffer.from(piece.buffer, piece.byteOffset, piece.length));
      this.#owe(piece.length);
    }
    if (this.#peerEnded && this.#wanted && this.#queue.length === 0) {
      this.#wanted = false;
      this.push(null);
    }
  }

  #owe(bytes: number): void {
    this.#owed += bytes;
    if (this.#owed < CREDIT_BYTES || this.#peerEnded) return;
    this.#room += this.#owed;
    this.#link.sendControl({ kind: "credit", stream: this.id, bytes: this.#owed });
    this.#owed = 0;
  }
}
