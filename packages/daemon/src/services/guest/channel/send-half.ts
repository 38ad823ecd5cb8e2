/**
 * The half of a stream that this end sends: what was given and is not acknowledged yet, within a bounded buffer.
 *
 * Nothing is sent in an epoch before the peer's first ACK of it has told where it stands.
 */
import { MAX_PAYLOAD_BYTES } from "@banger/contract/guest/frame";
import { ByteRing } from "./byte-ring.ts";
import { protocolBroken } from "./guest-error.ts";

/** bytes kept for resending, at most, unless it is said otherwise */
export const SEND_BUFFER_BYTES = 262_144;

export type Outgoing = {
  readonly offset: number;
  readonly parts: readonly Uint8Array[];
  readonly length: number;
  readonly fin: boolean;
};

export class SendHalf {
  readonly #kept: ByteRing;
  readonly #capacity: number;
  /** absolute offsets: acknowledged ≤ cursor ≤ end */
  #acknowledged = 0;
  #cursor = 0;
  #end = 0;
  /** the furthest that was ever sent */
  #reached = 0;
  #limit: number;
  #synced: boolean;
  #fin: "none" | "given" | "sent" | "acknowledged" = "none";
  /** where it begins is the peer's to say, once */
  #adopting = false;
  #refused = false;
  readonly #unused: boolean;

  /**
   * With a `limit` it may send at once; without, it waits for the peer's ACK. An unused half has ended from the start.
   * `capacity` is a power of two.
   */
  constructor(options: { limit?: number; unused?: boolean; capacity?: number | undefined } = {}) {
    this.#capacity = options.capacity ?? SEND_BUFFER_BYTES;
    this.#kept = new ByteRing(this.#capacity);
    this.#limit = options.limit ?? 0;
    this.#synced = options.limit !== undefined;
    this.#unused = options.unused === true;
    if (this.#unused) this.#fin = "acknowledged";
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }
  get end(): number {
    return this.#end;
  }
  get cursor(): number {
    return this.#cursor;
  }
  get synced(): boolean {
    return this.#synced;
  }
  get unacknowledged(): number {
    return this.#end - this.#acknowledged;
  }
  get room(): number {
    return this.#fin === "none" ? this.#capacity - this.unacknowledged : 0;
  }
  /** Everything, and the end, was acknowledged. */
  get finished(): boolean {
    return this.#fin === "acknowledged" && this.#acknowledged === this.#end;
  }
  get ending(): boolean {
    return this.#fin !== "none";
  }
  /** The peer reads no more, though this end did not end: what is pushed is thrown away. */
  get refused(): boolean {
    return this.#refused;
  }

  /** Keeps a copy of the bytes until they are acknowledged. At most `room` of them. */
  push(bytes: Uint8Array): void {
    if (this.#refused) return;
    this.#kept.push(bytes);
    this.#end += bytes.length;
  }

  finish(): void {
    if (this.#fin === "none") this.#fin = "given";
  }

  /** A stream that an earlier session used: the peer's first ACK tells where it begins. */
  adopt(): void {
    this.#adopting = true;
  }

  /** A new epoch: silence until the peer's ACK. */
  rewind(): void {
    this.#synced = false;
    this.#cursor = this.#acknowledged;
    if (this.#fin === "sent") this.#fin = "given";
  }

  take(): Outgoing | undefined {
    if (!this.#synced) return undefined;
    const length = Math.min(MAX_PAYLOAD_BYTES, Math.min(this.#end, this.#limit) - this.#cursor);
    const last = this.#cursor + Math.max(0, length) === this.#end && this.#fin === "given";
    if (length <= 0 && !last) return undefined;
    const offset = this.#cursor;
    const parts = length > 0 ? this.#kept.view(offset - this.#acknowledged, length) : [];
    this.#cursor += Math.max(0, length);
    this.#reached = Math.max(this.#reached, this.#cursor);
    if (last) this.#fin = "sent";
    return { offset, parts, length: Math.max(0, length), fin: last };
  }

  acknowledge(ack: { offset: number; limit: number; fin: boolean }): void {
    if (this.#adopting) {
      this.#adopting = false;
      if (ack.fin) this.#fin = "sent";
      this.#acknowledged = ack.offset;
      this.#cursor = ack.offset;
      this.#reached = ack.offset;
      this.#end += ack.offset;
    }
    if (ack.offset > this.#reached)
      throw protocolBroken(`byte ${ack.offset} was acknowledged, ${this.#reached} were sent`);
    if (ack.offset < this.#acknowledged) throw protocolBroken(`an acknowledgement went back to byte ${ack.offset}`);
    // an end that an earlier session has seen is news to this one
    if (!this.#synced && !ack.fin && this.#fin === "acknowledged" && !this.#unused) this.#fin = "given";
    this.#kept.skip(ack.offset - this.#acknowledged);
    this.#acknowledged = ack.offset;
    this.#cursor = this.#synced ? Math.max(this.#cursor, ack.offset) : ack.offset;
    this.#synced = true;
    this.#limit = Math.max(this.#limit, ack.limit);
    if (ack.fin && this.#fin === "none") this.abandon();
    else if (ack.fin) this.#fin = "acknowledged";
  }

  /** Nobody will take it: what is not acknowledged is thrown away, and so is what is pushed from now on. */
  abandon(): void {
    this.#refused = true;
    this.#fin = "acknowledged";
    this.#kept.clear();
    this.#end = this.#acknowledged;
    this.#cursor = this.#acknowledged;
  }
}
