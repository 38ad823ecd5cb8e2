/**
 * Which streams are to be acknowledged now, and which with the next frames that are sent anyway: a frame of its own
 * interrupts the peer. What to put into an ACK, and when the peer may be spoken to, is the multiplexer's business.
 */
import type { GuestStream } from "./guest-stream.ts";

/** calls back when an ACK that nobody needs has waited long enough for company */
export type Linger = (over: () => void) => void;

/** a part of the window: when so much was consumed since the last ACK, the peer needs the credit */
const PROMPT_PART = 1 / 4;

export class Acks implements Iterable<GuestStream> {
  readonly #now = new Set<GuestStream>();
  /** they go with whatever is sent next, or when the wait is over */
  readonly #patient = new Set<GuestStream>();
  readonly #linger: Linger | undefined;
  readonly #due: () => void;
  #lingering = false;

  /** `due` is called when patience has turned into urgency. Without `linger` nothing waits. */
  constructor(options: { linger: Linger | undefined; due: () => void }) {
    this.#linger = options.linger;
    this.#due = options.due;
  }

  /** Those of now, in the order of their turn. */
  [Symbol.iterator](): Iterator<GuestStream> {
    return this.#now[Symbol.iterator]();
  }

  isNow(stream: GuestStream): boolean {
    return this.#now.has(stream);
  }

  has(stream: GuestStream): boolean {
    return this.#now.has(stream) || this.#patient.has(stream);
  }

  /** The peer is to hear of it in any case. */
  add(stream: GuestStream): void {
    this.#now.add(stream);
  }

  /** Something was consumed: now if the peer may wait for that, else not as a frame of its own. */
  owe(stream: GuestStream): void {
    const { consumed, window, finReceived } = stream.receive;
    const needed = consumed - stream.told >= window * PROMPT_PART || (finReceived && !stream.durable);
    if (needed || !this.#linger) {
      this.#now.add(stream);
      return;
    }
    this.#patient.add(stream);
    if (this.#lingering) return;
    this.#lingering = true;
    this.#linger(() => {
      this.#lingering = false;
      if (this.hurry()) this.#due();
    });
  }

  /** Nothing waits any longer. Whether something did. */
  hurry(): boolean {
    const some = this.#patient.size > 0;
    for (const stream of this.#patient) this.#now.add(stream);
    this.#patient.clear();
    return some;
  }

  delete(stream: GuestStream): void {
    this.#now.delete(stream);
    this.#patient.delete(stream);
  }

  clear(): void {
    this.#now.clear();
    this.#patient.clear();
  }
}
