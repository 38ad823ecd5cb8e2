/**
 * The input of a command, over as many connections as it takes. What the guest is not known to have is kept, because a
 * daemon that dies takes it with it; what is kept is bounded by what a connection takes unread.
 */
import { Writable } from "node:stream";
import type { MuxStream } from "@banger/platform/rpc/mux-stream";

export class ExecInput {
  readonly writable: Writable;
  readonly #kept: Buffer[] = [];
  /** absolute offsets: of the first byte that is kept, of the next to be sent, behind the last */
  #from = 0;
  #next = 0;
  #end = 0;
  #to: MuxStream | undefined;
  #ended = false;
  #written: (() => void) | undefined;

  constructor() {
    this.writable = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#kept.push(chunk);
        this.#end += chunk.length;
        this.#written = done;
        void this.#send();
      },
      final: (done) => {
        this.#ended = true;
        if (this.#next === this.#end) this.#to?.end();
        done();
      },
    });
    this.writable.on("error", () => undefined); // those who write hear of it
  }

  /** The guest goes on at `from`: what is behind it is sent again. */
  connect(to: MuxStream, from: number): void {
    if (this.#end < from) this.#from = this.#end = from; // others have written before
    this.forget(from);
    this.#next = from;
    this.#to = to;
    void this.#send();
  }

  disconnect(): void {
    this.#to = undefined;
  }

  /** The guest has everything before `taken`. */
  forget(taken: number): void {
    for (let first = this.#kept[0]; first && this.#from + first.length <= taken; first = this.#kept[0]) {
      this.#kept.shift();
      this.#from += first.length;
    }
  }

  async #send(): Promise<void> {
    const to = this.#to;
    if (!to) return;
    while (to === this.#to && this.#next < this.#end) {
      const piece = this.#pieceAt(this.#next);
      this.#next += piece.length;
      const { promise, resolve } = Promise.withResolvers<void>();
      to.write(piece, () => resolve());
      await promise;
    }
    if (to !== this.#to) return;
    if (this.#ended) to.end();
    const written = this.#written;
    this.#written = undefined;
    written?.();
  }

  #pieceAt(offset: number): Buffer {
    let from = this.#from;
    for (const piece of this.#kept) {
      if (offset < from + piece.length) return piece.subarray(offset - from);
      from += piece.length;
    }
    return Buffer.alloc(0);
  }
}
