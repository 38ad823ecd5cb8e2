/**
 * Turns the bytes of a pipe into frames. It trusts nothing: while it scans, everything but a whole HELLO behind the
 * marker is thrown away; while it follows an epoch, the first wrong byte makes it scan again. It holds at most one
 * largest frame besides the chunk that it was given last.
 */
import { ByteQueue } from "../byte-queue.ts";
import { FRAME_TYPE, type FrameHead, HEADER_BYTES, MARKER, parseHead, TRAILER_BYTES, trailerMatches } from "./frame.ts";

export type Decoded =
  | { readonly kind: "hello"; readonly offset: number; readonly payload: Uint8Array }
  | {
      readonly kind: "frame";
      readonly head: FrameHead /** views of the bytes that were pushed */;
      readonly parts: readonly Uint8Array[];
    }
  /** the position in the pipe is lost; the decoder scans from here on */
  | { readonly kind: "lost" };

type Head = FrameHead & { readonly check: number };

/** beginnings of a HELLO that are followed at a time; more can only be a peer that plays */
const MAX_CANDIDATES = 64;
/** where a header has its type */
const TYPE_AT = 4;
const KNOWN: ReadonlySet<number> = new Set([FRAME_TYPE.data, FRAME_TYPE.ack, FRAME_TYPE.reset]);

export class FrameDecoder {
  readonly #queue = new ByteQueue();
  /** absolute position of the queue's first byte */
  #start = 0;
  #epoch: number | undefined;
  #head: Head | undefined;
  /** bytes of the marker seen in a row */
  #matched = 0;
  /** absolute positions behind markers */
  #candidates: number[] = [];

  push(chunk: Uint8Array): void {
    if (this.#epoch === undefined) this.#findMarkers(chunk, this.#start + this.#queue.length);
    this.#queue.push(chunk);
  }

  /** Follows frames of this epoch from the byte behind the last HELLO that was returned. */
  enter(epoch: number): void {
    this.#epoch = epoch;
    this.#candidates = [];
  }

  /** Drops to scanning, from the first byte that was not taken. */
  scan(): void {
    if (this.#epoch === undefined) return;
    this.#epoch = undefined;
    this.#head = undefined;
    this.#matched = 0;
    let at = this.#start;
    for (const chunk of this.#queue.view(0, this.#queue.length)) {
      this.#findMarkers(chunk, at);
      at += chunk.length;
    }
  }

  /** The next thing in what was pushed; undefined when more bytes are needed. */
  next(): Decoded | undefined {
    return this.#epoch === undefined ? this.#nextHello() : this.#nextFrame(this.#epoch);
  }

  #nextFrame(epoch: number): Decoded | undefined {
    while (this.#queue.length >= HEADER_BYTES) {
      this.#head ??= parseHead(this.#queue.slice(0, HEADER_BYTES), epoch);
      const head = this.#head;
      if (!head || head.type === FRAME_TYPE.hello) return this.#lose();
      const size = HEADER_BYTES + head.length + TRAILER_BYTES;
      if (this.#queue.length < size) return undefined;
      if (!trailerMatches(this.#queue.slice(size - TRAILER_BYTES, TRAILER_BYTES), head.check)) return this.#lose();
      const parts = this.#queue.view(HEADER_BYTES, head.length);
      this.#drop(size);
      this.#head = undefined;
      if (KNOWN.has(head.type)) return { kind: "frame", head, parts };
    }
    return undefined;
  }

  #lose(): Decoded {
    this.scan();
    return { kind: "lost" };
  }

  #nextHello(): Decoded | undefined {
    const waiting: number[] = [];
    for (const at of this.#candidates) {
      const found = this.#helloAt(at - this.#start);
      if (found === "wait") waiting.push(at);
      if (typeof found === "string") continue;
      this.#drop(at - this.#start + HEADER_BYTES + found.length + TRAILER_BYTES);
      this.#candidates = this.#candidates.filter((other) => other >= this.#start);
      return { kind: "hello", offset: found.offset, payload: found.payload };
    }
    this.#candidates = waiting.slice(-MAX_CANDIDATES);
    this.#drop((this.#candidates[0] ?? this.#start + this.#queue.length) - this.#start);
    return undefined;
  }

  #helloAt(at: number): "wait" | "bad" | { length: number; offset: number; payload: Uint8Array } {
    if (this.#queue.length < at + HEADER_BYTES) return "wait";
    const head = parseHead(this.#queue.slice(at, HEADER_BYTES), 0);
    if (head?.type !== FRAME_TYPE.hello) return "bad";
    const end = at + HEADER_BYTES + head.length;
    if (this.#queue.length < end + TRAILER_BYTES) return "wait";
    if (!trailerMatches(this.#queue.slice(end, TRAILER_BYTES), head.check)) return "bad";
    return { length: head.length, offset: head.offset, payload: this.#queue.slice(at + HEADER_BYTES, head.length) };
  }

  #drop(count: number): void {
    this.#queue.skip(count);
    this.#start += count;
  }

  #findMarkers(chunk: Uint8Array, start: number): void {
    let matched = this.#matched;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      // the marker's first byte occurs in it once, so a mismatch can only begin it anew
      if (byte === MARKER[matched]) matched++;
      else matched = byte === MARKER[0] ? 1 : 0;
      if (matched < MARKER.length) continue;
      // most that only looks like one is told apart here, before anything is made of it
      const type = chunk[i + 1 + TYPE_AT];
      if (type === undefined || type === FRAME_TYPE.hello) this.#candidates.push(start + i + 1);
      matched = 0;
    }
    this.#matched = matched;
  }
}
