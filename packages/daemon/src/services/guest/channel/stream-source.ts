/**
 * The agent→host half of a guest's stream, as pulls of a Readable. What was not asked for is not taken, and what was not
 * consumed is not acknowledged, so the guest is held back.
 */
import type { Readable } from "node:stream";
import type { GuestStream } from "./guest-stream.ts";
import type { Mux } from "./mux.ts";

export type Owner = { readonly mux: Mux; readonly stream: GuestStream };

const CHUNK_BYTES = 65_536;

export class Source {
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
