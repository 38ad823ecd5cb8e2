/** The host→agent half of a guest's stream, as writes of a Writable: one is done when the stream has taken all of it. */
import type { Owner } from "./stream-source.ts";

type Callback = (error?: Error | null) => void;

export class Sink {
  readonly #owner: Owner;
  /** hears that the guest has taken more, and at first where it stands */
  moved: () => void = () => undefined;
  #waiting: { rest: Uint8Array; done: Callback } | undefined;
  #discarding = false;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  write(chunk: Uint8Array, done: Callback): void {
    this.#waiting = { rest: chunk, done };
    this.feed();
  }

  /** The guest has told where it stands. */
  room(): void {
    this.moved();
    this.feed();
  }

  feed(): void {
    const { mux, stream } = this.#owner;
    const waiting = this.#waiting;
    if (!waiting) return;
    if (stream.send.refused || this.#discarding) {
      this.#waiting = undefined;
      waiting.done();
      return;
    }
    if (stream.send.room === 0) return;
    const piece = waiting.rest.subarray(0, stream.send.room);
    stream.send.push(piece);
    waiting.rest = waiting.rest.subarray(piece.length);
    mux.touch(stream);
    if (waiting.rest.length > 0) return;
    this.#waiting = undefined;
    waiting.done();
  }

  /** Nobody will take it: writes succeed and go nowhere. */
  discard(): void {
    this.#discarding = true;
    this.feed();
  }

  finish(done: Callback): void {
    const { mux, stream } = this.#owner;
    stream.send.finish();
    mux.touch(stream);
    done();
  }
}
