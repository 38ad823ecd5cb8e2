/**
 * A guest's stream as Node streams. Bytes are taken from the multiplexer when the reader asks for them, and not before:
 * what was not asked for is not acknowledged, so the guest is held back and nothing is lost with this process.
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
  #ended = false;
  readonly #allRead: () => void;

  /** `allRead` is called once, when the end was reached, read or thrown away. */
  constructor(owner: Owner, allRead: () => void = () => undefined) {
    this.#owner = owner;
    this.#allRead = allRead;
  }

  read(target: Readable): void {
    this.#target = target;
    this.#wanted = true;
    this.pull();
  }

  /** Nobody reads any more; what comes is thrown away, so that the sender is not held back for ever. */
  discard(): void {
    this.#discarding = true;
    this.pull();
  }

  pull(): void {
    const { mux, stream } = this.#owner;
    while (this.#wanted || this.#discarding) {
      const chunk = stream.receive.take(CHUNK_BYTES);
      if (!chunk) break;
      if (this.#discarding) continue;
      this.#wanted = this.#target?.push(chunk) ?? false;
    }
    mux.touch(stream);
    if (stream.receive.ended && (this.#wanted || this.#discarding)) this.#end();
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!this.#discarding) this.#target?.push(null);
    this.#allRead();
  }
}

/** The host→agent half, as writes of a Writable. */
class Sink {
  readonly #owner: Owner;
  #waiting: { rest: Uint8Array; done: Callback } | undefined;
  #discarding = false;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  write(chunk: Uint8Array, done: Callback): void {
    this.#waiting = { rest: chunk, done };
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
  readonly readable: Readable;
  readonly writable: Writable;
  /** from now on writes succeed and go nowhere */
  discardWrites(): void;
};

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
  return { readable: quiet(readable), writable: quiet(writable), discardWrites: () => sink.discard() };
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
    room: () => to.sink.feed(),
    dead: (error) => void to.dead(error),
  };
}
