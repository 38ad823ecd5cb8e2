/**
 * Raw bytes over a connection that has left JSON behind: numbered streams with credit windows, and a close that tells
 * whether all went well.
 *
 * Either end may use any stream at once; what the numbers mean is agreed by the method that asked for the upgrade.
 * A connection that ends without a close message was lost, and says so.
 */
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import { raceAbort, startDeadline } from "../time/deadline.ts";
import { type Control, decodeControl, encodeControl } from "./control.ts";
import { FrameDecoder, frameHeader } from "./frames.ts";
import { MuxStream } from "./mux-stream.ts";

export const MAX_STREAMS = 16;
const MAX_BACKLOG_BYTES = 1 << 20;
const CLOSE_DEADLINE_MS = 10_000;
/** for an error to be taken by the peer, `ms` */
const LINGER_MS = 2_000;

export type MuxOptions = {
  /** bytes that came before whatever the stream gives next */
  readonly leftover?: Buffer;
  /** the error of a connection that ended without a close message */
  readonly lost?: () => AppError;
  /** when the connection fails, streams end behind what came, and do not break; only `closed` tells */
  readonly endsSoftly?: boolean;
};

export class Mux implements AsyncDisposable {
  /** resolves when the peer has closed in good order or we have; rejects with its error, or when it was lost */
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #decoder = new FrameDecoder({
    data: (id, piece) => this.#at(id).receiveData(piece),
    control: (payload) => this.#onControl(decodeControl(payload)),
  });
  readonly #streams = new Map<number, MuxStream>();
  readonly #lost: () => AppError;
  readonly #endsSoftly: boolean;
  readonly #settle: { readonly resolve: () => void; readonly reject: (error: AppError) => void };
  readonly #transportClosed: Promise<void>;
  #outcome: AppError | "closed" | undefined;
  #closing: Promise<void> | undefined;
  #gathering = false;

  constructor(stream: Duplex, options: MuxOptions = {}) {
    this.#stream = stream;
    this.#lost = options.lost ?? (() => new AppError("CANCELLED", "the peer went away"));
    this.#endsSoftly = options.endsSoftly ?? false;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.closed = promise;
    this.closed.catch(() => undefined); // told through the streams too
    this.#settle = { resolve, reject };
    this.#transportClosed = new Promise((done) => stream.once("close", done));
    stream.on("data", (chunk: Buffer) => this.#onData(chunk));
    stream.on("drain", () => this.#flushAll());
    stream.on("end", () => this.#onEnd());
    stream.on("close", () => this.#onEnd());
    stream.on("error", () => this.#onEnd());
    if (options.leftover && options.leftover.length > 0) this.#onData(options.leftover);
    if (stream.destroyed) this.#onEnd();
    else stream.resume();
  }

  /** The stream of that number, the same one each time. */
  stream(id: number): MuxStream {
    return this.#at(id);
  }

  /** Waits until what was ended is sent, tells the peer, and closes. With an error: at once. */
  close(error?: AppError): Promise<void> {
    this.#closing ??= this.#close(error);
    return this.#closing;
  }

  async #close(error: AppError | undefined): Promise<void> {
    using deadline = startDeadline(undefined, {
      ms: error ? LINGER_MS : CLOSE_DEADLINE_MS,
      what: "the peer to take the last bytes",
    });
    try {
      if (!error && !this.#outcome) await raceAbort(this.#drained(), deadline.signal);
      if (!this.#outcome) {
        this.#sendControl({ kind: "close", error });
        this.#finish(error ?? "closed");
      }
      this.#stream.end();
      await raceAbort(this.#transportClosed, deadline.signal);
    } catch (failure) {
      this.destroy(AppError.is(failure) ? failure : this.#lost());
    }
  }

  /** Now, without a word to the peer. */
  destroy(reason: AppError): void {
    this.#finish(reason);
    this.#stream.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #drained(): Promise<void> {
    const ended = [...this.#streams.values()].filter((s) => s.writableEnded && !s.writableFinished && !s.destroyed);
    // A stream that fails is done too; its failure is told to whoever uses it.
    await Promise.all(ended.map((s) => finished(s, { readable: false }).catch(() => undefined)));
  }

  #at(id: number): MuxStream {
    const known = this.#streams.get(id);
    if (known) return known;
    if (!Number.isInteger(id) || id < 0 || id >= MAX_STREAMS) {
      throw new AppError("PROTOCOL_BROKEN", `there is no stream ${id}, only 0 to ${MAX_STREAMS - 1}`);
    }
    const isWritable = () => !this.#stream.writableNeedDrain;
    const made = new MuxStream(id, {
      get writable() {
        return isWritable();
      },
      sendData: (stream, piece, sent) => this.#sendData(stream, piece, sent),
      sendControl: (control) => this.#sendControl(control),
    });
    this.#streams.set(id, made);
    if (this.#outcome) this.#settleStream(made, this.#outcome);
    return made;
  }

  #sendData(stream: number, piece: Uint8Array, sent: (() => void) | undefined): void {
    if (this.#outcome) {
      sent?.();
      return;
    }
    this.#gather();
    this.#stream.write(frameHeader(stream, piece.length));
    this.#stream.write(piece, sent && (() => sent()));
  }

  /** What is sent in one turn of the event loop leaves in one write: each wakes the peer. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#stream.cork();
    setImmediate(() => {
      this.#gathering = false;
      this.#stream.uncork();
    });
  }

  #sendControl(control: Control): void {
    if (this.#outcome) return;
    this.#gather();
    this.#stream.write(encodeControl(control));
    if (this.#stream.writableLength > MAX_BACKLOG_BYTES) {
      this.destroy(new AppError("PROTOCOL_BROKEN", `the peer left ${this.#stream.writableLength} bytes unread`));
    }
  }

  #onData(chunk: Buffer): void {
    if (this.#outcome) return;
    try {
      this.#decoder.push(chunk);
    } catch (error) {
      void this.close(AppError.is(error) ? error : new AppError("INTERNAL", "a frame broke", { cause: error }));
    }
  }

  #onControl(control: Control): void {
    if (this.#outcome) return;
    if (control.kind === "close") {
      this.#finish(control.error ?? "closed");
      this.#stream.end();
      return;
    }
    const stream = this.#at(control.stream);
    if (control.kind === "credit") stream.receiveCredit(control.bytes);
    else if (control.kind === "end") stream.receiveEnd();
    else stream.receiveReset(control.error);
  }

  #flushAll(): void {
    for (const stream of this.#streams.values()) stream.flush();
  }

  #onEnd(): void {
    if (!this.#outcome) this.destroy(this.#lost());
    else if (!this.#stream.writableEnded) this.#stream.end();
  }

  #finish(outcome: AppError | "closed"): void {
    if (this.#outcome) return;
    this.#outcome = outcome;
    for (const stream of this.#streams.values()) this.#settleStream(stream, outcome);
    if (outcome === "closed") this.#settle.resolve();
    else this.#settle.reject(outcome);
  }

  #settleStream(stream: MuxStream, outcome: AppError | "closed"): void {
    if (outcome === "closed" || this.#endsSoftly) stream.receiveClose();
    else stream.receiveReset(outcome);
  }
}
