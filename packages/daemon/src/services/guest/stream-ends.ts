/**
 * A guest's stream as Node streams. Bytes are taken from the multiplexer when the reader asks for them, and not before:
 * what was not asked for is not acknowledged, so the guest is held back. What is read as pieces is acknowledged only when
 * the next piece is asked for, so nothing is lost with this process.
 */
import { Duplex, type DuplexOptions, Readable, Writable } from "node:stream";
import type { GuestStream } from "./guest-stream.ts";
import type { Mux } from "./mux.ts";

type Owner = { readonly mux: Mux; readonly stream: GuestStream };
type Callback = (error?: Error | null) => void;

const CHUNK_BYTES = 65_536;

/** The agent→host half, as pulls of a Readable. */
class Source {
  readonly #owner: Owner;
  #target: Readable | undefined;
  #wanted = false;
  #discarding = false;
  #held = false;
  #ended = false;
  #told = false;
  readonly #allRead: () => void;

  /** `allRead` is called once, when all up to the end was consumed or thrown away. */
  constructor(owner: Owner, allRead: () => void = () => undefined) {
    this.#owner = owner;
    this.#allRead = allRead;
  }

  read(target: Readable): void {
    this.#target = target;
    this.#wanted = true;
    this.pull();
  }

  /** From now on only `consumed` acknowledges. */
  hold(): void {
    this.#held = true;
  }

  consumed(bytes: number): void {
    const { mux, stream } = this.#owner;
    stream.receive.consume(bytes);
    mux.touch(stream);
    this.#tellEnd();
  }

  /** Nobody reads any more; what comes is thrown away, so that the sender is not held back for ever. */
  discard(): void {
    this.#discarding = true;
    this.#owner.stream.receive.consume(Number.POSITIVE_INFINITY);
    this.pull();
  }

  pull(): void {
    const { mux, stream } = this.#owner;
    while (this.#wanted || this.#discarding) {
      const chunk = stream.receive.take(CHUNK_BYTES);
      if (!chunk) break;
      if (this.#discarding || !this.#held) stream.receive.consume(chunk.length);
      if (this.#discarding) continue;
      this.#wanted = this.#target?.push(chunk) ?? false;
    }
    mux.touch(stream);
    if (stream.receive.taken && (this.#wanted || this.#discarding)) this.#end();
  }

  #end(): void {
    if (!this.#ended && !this.#discarding) this.#target?.push(null);
    this.#ended = true;
    this.#tellEnd();
  }

  #tellEnd(): void {
    if (this.#told || !this.#ended || !this.#owner.stream.receive.ended) return;
    this.#told = true;
    this.#allRead();
  }
}

/** The host→agent half, as writes of a Writable. */
class Sink {
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

function quiet<S extends Readable | Writable>(stream: S): S {
  // those who read or write hear of an error; with nobody there it must not end the daemon
  stream.on("error", () => undefined);
  return stream;
}

function readSide(source: Source): Pick<DuplexOptions, "read"> & { readableHighWaterMark: number } {
  return {
    // nothing is read ahead: what is buffered here would count as taken
    readableHighWaterMark: 0,
    read() {
      source.read(this);
    },
  };
}

export type SeparateEnds = {
  /** what is read of it is acknowledged at once */
  readonly readable: Readable;
  /** The same bytes, for one who must not lose any: a piece is acknowledged when the next one is asked for. */
  pieces(): AsyncGenerator<Buffer>;
  /** The same bytes, for one who says himself, by `consumed`, how many need never be asked for again. */
  held(): Held;
  readonly writable: Writable;
  /** `listener` is called when the guest has taken more of what was written */
  onTaken(listener: () => void): void;
  /** from now on writes succeed and go nowhere */
  discardWrites(): void;
};

export type Held = { readonly pieces: AsyncIterator<Buffer, undefined>; consumed(bytes: number): void };

/** Two independent ends. Destroying the readable one goes on to take, and throws away. */
export function separateEnds(owner: Owner, options: { allRead?: () => void } = {}): SeparateEnds {
  const source = new Source(owner, options.allRead);
  const sink = new Sink(owner);
  const readable = new Readable({
    highWaterMark: 0,
    read() {
      source.read(this);
    },
    destroy(error, done) {
      source.discard();
      done(error);
    },
  });
  const writable = new Writable({
    write: (chunk: Uint8Array, _encoding, done) => sink.write(chunk, done),
    final: (done) => sink.finish(done),
  });
  bind(owner.stream, { source, sink, dead: (error) => [readable, writable].map((end) => end.destroy(error)) });
  const pieces = () => piecesOf(readable, source);
  const held = () => heldOf(readable, source);
  const onTaken = (listener: () => void) => {
    sink.moved = listener;
  };
  const discardWrites = () => sink.discard();
  return { readable: quiet(readable), pieces, held, writable: quiet(writable), onTaken, discardWrites };
}

function heldOf(readable: Readable, source: Source): Held {
  source.hold();
  return { pieces: readable[Symbol.asyncIterator](), consumed: (bytes) => source.consumed(bytes) };
}

/** Node may ask a stream for more before the last chunk was dealt with, so what counts are turns of the loop. */
async function* piecesOf(readable: Readable, source: Source): AsyncGenerator<Buffer> {
  source.hold();
  for await (const chunk of readable) {
    yield chunk;
    source.consumed(chunk.length);
  }
}

/** Both halves as one connection; `closed` is called once, when it is over. */
export function joinedEnds(owner: Owner, options: { closed: () => void }): Duplex {
  const source = new Source(owner);
  const sink = new Sink(owner);
  const duplex = new Duplex({
    ...readSide(source),
    write: (chunk: Uint8Array, _encoding, done) => sink.write(chunk, done),
    final: (done) => sink.finish(done),
    destroy(error, done) {
      options.closed();
      done(error);
    },
  });
  bind(owner.stream, { source, sink, dead: (error) => duplex.destroy(error) });
  return quiet(duplex);
}

function bind(stream: GuestStream, to: { source: Source; sink: Sink; dead: (error: Error) => unknown }): void {
  stream.events = {
    readable: () => to.source.pull(),
    room: () => to.sink.room(),
    dead: (error) => void to.dead(error),
  };
}
