/**
 * Messages over a byte stream, one a line, with back-pressure both ways.
 *
 * While the peer does not take our bytes we do not read its; a peer that lets too much pile up is cut off. Knows
 * nothing of what the messages mean.
 */
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { LineDecoder } from "./lines.ts";
import { type Message, parseMessage } from "./wire.ts";

export const MAX_LINE_BYTES = 1 << 20;
export const MAX_BACKLOG_BYTES = 8 << 20;

const LINGER_MS = 2_000;

export type ChannelLimits = { readonly maxLineBytes?: number; readonly maxBacklogBytes?: number };

export class Channel {
  /** replaced as the conversation goes on; takes effect from the next message */
  receive: (message: Message) => void = () => undefined;
  /** called once; without a reason when the peer just left */
  onGone: (reason: AppError | undefined) => void = () => undefined;
  readonly #stream: Duplex;
  readonly #decoder: LineDecoder;
  readonly #maxBacklogBytes: number;
  #state: "open" | "closing" | "detached" | "gone" = "open";

  constructor(stream: Duplex, limits: ChannelLimits = {}) {
    this.#stream = stream;
    this.#decoder = new LineDecoder({ maxBytes: limits.maxLineBytes ?? MAX_LINE_BYTES });
    this.#maxBacklogBytes = limits.maxBacklogBytes ?? MAX_BACKLOG_BYTES;
    stream.on("data", this.#onData);
    stream.on("drain", this.#onDrain);
    stream.on("end", this.#onEnd);
    stream.on("close", this.#onEnd);
    stream.on("error", this.#onError);
  }

  get open(): boolean {
    return this.#state === "open";
  }

  send(message: object): void {
    if (this.#state !== "open") return;
    this.#stream.write(`${JSON.stringify(message)}\n`);
    if (this.#stream.writableLength > this.#maxBacklogBytes) {
      this.destroy(new AppError("PROTOCOL_BROKEN", `the peer left ${this.#stream.writableLength} bytes unread`));
    }
  }

  /** Lets go of the stream; it stands still, and `leftover` came before whatever it gives next. */
  detach(): { readonly stream: Duplex; readonly leftover: Buffer } {
    this.#state = "detached";
    this.#stream.pause();
    this.#stream.off("data", this.#onData);
    this.#stream.off("drain", this.#onDrain);
    this.#stream.off("end", this.#onEnd);
    this.#stream.off("close", this.#onEnd);
    this.#stream.off("error", this.#onError);
    return { stream: this.#stream, leftover: this.#decoder.rest() };
  }

  /** Sends what was written, then ends; a peer that does not end too is dropped after a while. */
  close(): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#stream.end();
    this.#stream.resume();
    const timer = setTimeout(() => this.destroy(), LINGER_MS).unref();
    this.#stream.once("close", () => clearTimeout(timer));
  }

  destroy(reason?: AppError): void {
    if (this.#state === "detached") return;
    this.#gone(reason);
    this.#stream.destroy();
  }

  readonly #onData = (chunk: Buffer) => {
    if (this.#state !== "open") return;
    try {
      this.#decoder.feed(chunk);
      while (this.#state === "open") {
        const line = this.#decoder.next();
        if (line === undefined) break;
        this.receive(parseMessage(line));
      }
    } catch (error) {
      this.destroy(asAppError(error));
      return;
    }
    if (this.#state === "open" && this.#stream.writableNeedDrain) this.#stream.pause();
  };

  readonly #onDrain = () => {
    this.#stream.resume();
  };

  readonly #onEnd = () => {
    this.#gone(undefined);
    if (!this.#stream.writableEnded) this.#stream.end();
  };

  /** A peer that dies with something of ours unread shows as a reset: an end as any other. */
  readonly #onError = () => {
    this.#gone(undefined);
  };

  #gone(reason: AppError | undefined): void {
    if (this.#state === "gone" || this.#state === "detached") return;
    this.#state = "gone";
    this.onGone(reason);
  }
}

function asAppError(error: unknown): AppError {
  if (AppError.is(error)) return error;
  return new AppError("INTERNAL", "a message could not be handled", { cause: error });
}
