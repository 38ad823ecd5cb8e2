/**
 * The half of a stream that this end receives: bytes in order, each once, within a window.
 *
 * Only what its reader says it has consumed is acknowledged, so that nothing that is lost with this process is lost for
 * good: bytes that were taken may still be on their way to a disk.
 */
import { ByteQueue } from "@banger/contract/byte-queue";
import { protocolBroken } from "./guest-error.ts";

/** bytes, the window of one half */
export const WINDOW_BYTES = 262_144;
/** of one that carries files: two processes and a device lie between its ends */
export const WIDE_WINDOW_BYTES = 1_048_576;

export class ReceiveHalf {
  readonly #queue = new ByteQueue();
  readonly window: number;
  #received = 0;
  #consumed = 0;
  /** the furthest the peer was ever allowed to go */
  #granted: number;
  #acknowledged = 0;
  #endsAt: number | undefined;
  #endAcknowledged = false;
  /** the end is not acknowledged yet, so that a session after this one hears of it, too */
  #endHeld: boolean;
  readonly #keeps: boolean;

  /**
   * `from` is for a stream that an earlier session read; an unused half has ended from the start. The agent's end `keeps`
   * what it has received, read or not, over the sessions of its hosts, and acknowledges all of that.
   */
  constructor(options: {
    window: number;
    granted?: number;
    from?: number;
    unused?: boolean;
    holdEnd?: boolean;
    keeps?: boolean;
  }) {
    this.#endHeld = options.holdEnd === true;
    this.#keeps = options.keeps === true;
    this.window = options.unused ? 0 : options.window;
    this.#received = options.from ?? 0;
    this.#consumed = this.#received;
    this.#acknowledged = this.#received;
    this.#granted = options.granted ?? this.#received + this.window;
    if (!options.unused) return;
    this.#endsAt = this.#received;
    this.#endAcknowledged = true;
  }

  get received(): number {
    return this.#received;
  }
  get consumed(): number {
    return this.#consumed;
  }
  get readable(): boolean {
    return this.#queue.length > 0 || this.taken;
  }
  /** Nothing is left to take, and nothing follows. */
  get taken(): boolean {
    return this.#endsAt !== undefined && this.#received - this.#queue.length === this.#endsAt;
  }
  /** All was consumed, and nothing follows. */
  get ended(): boolean {
    return this.#consumed === this.#endsAt;
  }
  get finReceived(): boolean {
    return this.#endsAt !== undefined;
  }

  /** `gap` when bytes before these are missing. Throws GUEST_PROTOCOL for more than was allowed, or more after the end. */
  accept(data: { offset: number; parts: readonly Uint8Array[]; length: number; fin: boolean }): "accepted" | "gap" {
    const { offset, length } = data;
    const end = offset + length;
    if (offset > this.#received) return "gap";
    if (end > this.#granted) throw protocolBroken(`data up to byte ${end} came, ${this.#granted} were allowed`);
    if (this.#endsAt !== undefined && (end > this.#endsAt || (data.fin && end !== this.#endsAt))) {
      throw protocolBroken(`data came behind the end of a stream at byte ${this.#endsAt}`);
    }
    if (data.fin && end < this.#received)
      throw protocolBroken(`a stream ended at byte ${end}, before what it had sent`);
    this.#append(data.parts, this.#received - offset);
    this.#received = Math.max(this.#received, end);
    if (data.fin) this.#endsAt = end;
    return "accepted";
  }

  #append(parts: readonly Uint8Array[], known: number): void {
    let skip = known;
    for (const part of parts) {
      if (skip < part.length) this.#queue.push(skip > 0 ? part.subarray(skip) : part);
      skip = Math.max(0, skip - part.length);
    }
  }

  /** At most `max` bytes, as a view. They count when `consume` is called. */
  take(max: number): Uint8Array | undefined {
    return this.#queue.take(max);
  }

  /** Its reader has done with the next `bytes` of what it took. */
  consume(bytes: number): void {
    this.#consumed = Math.min(this.#consumed + bytes, this.#received - this.#queue.length);
  }

  /** Whether the peer should hear of what was consumed. */
  get ackDue(): boolean {
    if (this.finReceived && !this.#endAcknowledged && !this.#endHeld) return true;
    const fresh = this.consumed - this.#acknowledged;
    return fresh > 0 && (this.#queue.length === 0 || fresh >= this.window / 4);
  }

  /** Nobody needs to hear of the end again. */
  releaseEnd(): void {
    this.#endHeld = false;
  }

  acknowledge(): { offset: number; limit: number; fin: boolean } {
    this.#acknowledged = this.consumed;
    this.#granted = Math.max(this.#granted, this.consumed + this.window);
    this.#endAcknowledged = this.finReceived && !this.#endHeld;
    const offset = this.#keeps ? this.#received : this.consumed;
    return { offset, limit: this.#granted, fin: this.#endAcknowledged };
  }
}
