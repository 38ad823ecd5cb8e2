/**
 * One output of a command on its way to a client, or, when that leaves it running, to whoever goes on with it.
 *
 * The guest keeps what the client has not said to have taken, so that a client can go on where it stood though this daemon
 * has died. Nobody's memory grows: a client that does not read stops the command.
 */
import { finished } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import { type MuxStream, WINDOW_BYTES } from "@banger/platform/rpc/mux-stream";
import { raceAbort } from "@banger/platform/time/deadline";
import type { Held } from "../guest/channel/stream-ends.ts";

/** what a screen and a little more can show, bytes */
const SCREEN_BYTES = 64 << 10;

export class ClientOutput {
  readonly #held: Held;
  readonly #to: MuxStream;
  readonly #keeps: boolean;
  #pending: Promise<IteratorResult<Buffer, undefined>> | undefined;
  /** absolute offsets: behind what was given to the client, and behind what the guest need not keep */
  #given: number;
  #taken: number;
  /** the last of what was given */
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;

  /** `keeps` the end of the output, to show it again later. */
  constructor(held: Held, to: MuxStream, options: { from: number; keeps: boolean }) {
    this.#held = held;
    this.#to = to;
    this.#keeps = options.keeps;
    this.#given = options.from;
    this.#taken = options.from;
    to.onTaken = (bytes) => this.#consumed(bytes);
  }

  /** Offset of the first byte that `rest` gives. */
  get restFrom(): number {
    return this.#given - this.#keptBytes;
  }

  /** Resolves at the end of the output, or when it is cut off: why is told with the end of the command. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      for (let piece = await this.#next(signal); piece; piece = await this.#next(signal)) {
        this.#keep(piece);
        await this.#write(piece, signal);
      }
    } catch (error) {
      if (signal.aborted) throw error;
    }
    this.#to.end();
    await finished(this.#to, { readable: false, signal }).catch(() => signal.throwIfAborted());
  }

  /** The client has all: nothing need be kept for it. */
  allTaken(): void {
    this.#consumed(Number.POSITIVE_INFINITY);
  }

  /** What was kept, and then what comes; a piece is acknowledged when the next one is asked for. */
  async *rest(): AsyncGenerator<Buffer> {
    this.#to.onTaken = () => undefined;
    if (this.#keptBytes > 0) yield Buffer.concat(this.#kept.splice(0));
    this.#consumed(this.#given - this.#taken);
    const never = new AbortController().signal;
    for (let piece = await this.#next(never); piece; piece = await this.#next(never)) {
      yield piece;
      this.#consumed(piece.length);
    }
  }

  async #next(signal: AbortSignal): Promise<Buffer | undefined> {
    this.#pending ??= this.#held.pieces.next();
    const { value } = await raceAbort(this.#pending, signal);
    this.#pending = undefined;
    return value;
  }

  #keep(piece: Buffer): void {
    this.#given += piece.length;
    if (!this.#keeps) return;
    this.#kept.push(piece);
    this.#keptBytes += piece.length;
    for (
      let first = this.#kept[0];
      first && this.#keptBytes - first.length >= WINDOW_BYTES + SCREEN_BYTES;
      first = this.#kept[0]
    ) {
      this.#kept.shift();
      this.#keptBytes -= first.length;
    }
  }

  /** What a client no longer wants is taken and dropped. */
  async #write(piece: Buffer, signal: AbortSignal): Promise<void> {
    if (!this.#to.destroyed && this.#to.write(piece)) return;
    if (!this.#to.destroyed) await drained(this.#to, signal);
    if (this.#to.destroyed) this.#consumed(this.#given - this.#taken);
  }

  #consumed(bytes: number): void {
    this.#taken += bytes;
    this.#held.consumed(bytes);
  }
}

async function drained(to: MuxStream, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const event of ["drain", "close"]) to.once(event, resolve);
  try {
    await raceAbort(promise, signal);
  } finally {
    for (const event of ["drain", "close"]) to.off(event, resolve);
  }
}

/** The reason with which a client is left: its command is somebody else's from then on. */
export function leftToOthers(what: string): AppError {
  return new AppError("CANCELLED", what);
}
