/**
 * One connection to the agent as frames: reads within a budget for each turn of the event loop, and writes only as fast
 * as the other end takes it, so that what is urgent never queues behind more than one frame of data.
 */
import type { Duplex } from "node:stream";
import { encodeFrame } from "@banger/contract/guest/frame";
import { type Decoded, FrameDecoder } from "@banger/contract/guest/frame-decoder";
import type { OutFrame } from "./out-frame.ts";

/** bytes read in one turn, before others get theirs */
const READ_BUDGET_BYTES = 262_144;

export type FramePipeEvents = {
  /** may throw; then the pipe is closed and `failed` is called instead of `ended` */
  decoded(decoded: Decoded): void;
  /** the next frame to send, asked for whenever there is room */
  next(): OutFrame | undefined;
  /** the connection is over, whoever ended it and however */
  ended(): void;
  failed(error: unknown): void;
};

export class FramePipe {
  readonly #duplex: Duplex;
  readonly #events: FramePipeEvents;
  readonly #decoder = new FrameDecoder();
  #epoch: number | undefined;
  #full = false;
  #pumpDue = false;
  #readDue = false;
  #ended = false;

  constructor(duplex: Duplex, events: FramePipeEvents) {
    this.#duplex = duplex;
    this.#events = events;
    duplex.on("readable", () => this.#read());
    duplex.on("drain", () => {
      this.#full = false;
      this.#pump();
    });
    for (const event of ["error", "end", "close"]) duplex.on(event, () => this.destroy());
    if (duplex.destroyed) this.destroy();
    else this.#read();
  }

  /** Whether all that was written has left this process. */
  get flushed(): boolean {
    return this.#duplex.writableLength === 0;
  }

  /** Writes raw bytes at a frame boundary, and stops sending frames until `enter`. */
  greet(parts: readonly Uint8Array[]): void {
    this.#epoch = undefined;
    this.#decoder.scan();
    this.#write(parts);
  }

  /** Both ends have said hello: frames of this epoch follow. */
  enter(epoch: number): void {
    this.#epoch = epoch;
    this.#decoder.enter(epoch);
    this.wake();
  }

  /** There may be something to send. */
  wake(): void {
    if (this.#pumpDue || this.#ended) return;
    this.#pumpDue = true;
    queueMicrotask(() => {
      this.#pumpDue = false;
      this.#pump();
    });
  }

  destroy(): void {
    this.#end(() => this.#events.ended());
  }

  #end(tell: () => void): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#duplex.destroy();
    tell();
  }

  #pump(): void {
    if (this.#full || this.#ended) return;
    // what is there at once goes out at once: each write to a guest's port interrupts the guest
    this.#duplex.cork();
    while (!this.#full && !this.#ended && this.#epoch !== undefined) {
      const frame = this.#events.next();
      if (!frame) break;
      const { header, trailer } = encodeFrame(frame.head, this.#epoch);
      this.#write([header, ...frame.parts, trailer]);
    }
    this.#duplex.uncork();
    this.#full = this.#duplex.writableNeedDrain;
  }

  #write(parts: readonly Uint8Array[]): void {
    if (this.#ended) return;
    this.#duplex.cork();
    for (const part of parts) this.#full = !this.#duplex.write(part);
    this.#duplex.uncork();
    this.#full = this.#duplex.writableNeedDrain;
  }

  #read(): void {
    if (this.#readDue) return;
    try {
      for (let spent = 0; spent < READ_BUDGET_BYTES; ) {
        if (this.#ended) return;
        const chunk: unknown = this.#duplex.read();
        if (!(chunk instanceof Uint8Array)) return;
        spent += chunk.length;
        this.#decoder.push(chunk);
        for (let one = this.#decoder.next(); one && !this.#ended; one = this.#decoder.next()) this.#events.decoded(one);
      }
    } catch (error) {
      this.#end(() => this.#events.failed(error));
      return;
    }
    this.#readDue = true;
    setImmediate(() => {
      this.#readDue = false;
      this.#read();
    });
  }
}
