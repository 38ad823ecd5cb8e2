/**
 * A guest's stream as Node streams. Bytes are taken from the multiplexer when the reader asks for them, and not before:
 * what was not asked for is not acknowledged, so the guest is held back. What is read as pieces is acknowledged only when
 * the next piece is asked for, so nothing is lost with this process.
 */
import { Duplex, type DuplexOptions, Readable, Writable } from "node:stream";
import type { GuestStream } from "./guest-stream.ts";
import { Sink } from "./stream-sink.ts";
import { type Owner, Source } from "./stream-source.ts";

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
