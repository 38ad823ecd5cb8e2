/**
 * A queue of bytes as a list of chunks. Large chunks are kept by reference and handed out as views; small ones are
 * copied together, so that a peer that sends one byte at a time can not pin a buffer and an object for each.
 */

/** below this many bytes a chunk behind another one is copied */
const SMALL = 8_192;
const SLAB_MIN = 1_024;
const SLAB_MAX = 16_384;

export class ByteQueue {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  /** memory behind the last chunk that small chunks are copied into */
  #slab: Uint8Array | undefined;
  #slabUsed = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps the chunk: its bytes must not change while they are queued. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.#chunks.length === 0 || chunk.length >= SMALL) {
      this.#chunks.push(chunk);
      this.#slab = undefined;
    } else {
      this.#append(chunk);
    }
    this.#length += chunk.length;
  }

  #append(chunk: Uint8Array): void {
    const last = this.#chunks.at(-1);
    if (this.#slab && last && this.#slabUsed + chunk.length <= this.#slab.length) {
      this.#slab.set(chunk, this.#slabUsed);
      this.#slabUsed += chunk.length;
      this.#chunks[this.#chunks.length - 1] = this.#slab.subarray(
        this.#slabUsed - chunk.length - last.length,
        this.#slabUsed,
      );
      return;
    }
    const size = Math.min(SLAB_MAX, Math.max(SLAB_MIN, 2 * this.#length, chunk.length));
    this.#slab = new Uint8Array(size);
    this.#slab.set(chunk);
    this.#slabUsed = chunk.length;
    this.#chunks.push(this.#slab.subarray(0, chunk.length));
  }

  /** Views of `count` bytes from `offset` on, which must be there; nothing is taken. */
  view(offset: number, count: number): Uint8Array[] {
    const views: Uint8Array[] = [];
    let skip = offset;
    let left = count;
    for (const chunk of this.#chunks) {
      if (left === 0) break;
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      const piece = chunk.subarray(skip, skip + left);
      views.push(piece);
      left -= piece.length;
      skip = 0;
    }
    return views;
  }

  /** The same in one piece: copied only if it spans chunks. */
  slice(offset: number, count: number): Uint8Array {
    return joinBytes(this.view(offset, count));
  }

  skip(count: number): void {
    let left = count;
    while (left > 0) {
      const head = this.#chunks[0];
      if (!head) break;
      if (head.length > left) {
        this.#chunks[0] = head.subarray(left);
        this.#length -= left;
        return;
      }
      this.#chunks.shift();
      this.#length -= head.length;
      left -= head.length;
    }
    if (this.#chunks.length === 0) this.#slab = undefined;
  }

  /** Takes a view of what is at the head, at most `max` bytes; undefined if there is nothing. */
  take(max: number): Uint8Array | undefined {
    const head = this.#chunks[0];
    if (!head) return undefined;
    const piece = head.subarray(0, max);
    this.skip(piece.length);
    return piece;
  }

  clear(): void {
    this.#chunks.length = 0;
    this.#length = 0;
    this.#slab = undefined;
  }
}

/** One array of all; the array itself if there is only one. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (parts.length === 1 && first) return first;
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
