/**
 * Bytes in one buffer that is written round and round. What is pushed is copied: the chunks that they came in die young,
 * where keeping them until a guest has acknowledged them would cost a collection of all memory for every few megabytes.
 */
const FIRST_BYTES = 1_024;

export class ByteRing {
  readonly #capacity: number;
  #buffer = new Uint8Array(0);
  #start = 0;
  #length = 0;

  /** Holds at most `capacity` bytes, a power of two; takes memory as it is needed. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    this.#grow(this.#length + bytes.length);
    const at = this.#at(this.#length);
    const first = Math.min(bytes.length, this.#buffer.length - at);
    this.#buffer.set(bytes.subarray(0, first), at);
    this.#buffer.set(bytes.subarray(first), 0);
    this.#length += bytes.length;
  }

  /** Views of `count` bytes from `offset` on, which must be there; they change once these were skipped. */
  view(offset: number, count: number): Uint8Array[] {
    const at = this.#at(offset);
    const first = Math.min(count, this.#buffer.length - at);
    const views = [this.#buffer.subarray(at, at + first)];
    if (first < count) views.push(this.#buffer.subarray(0, count - first));
    return views;
  }

  skip(count: number): void {
    const skipped = Math.min(count, this.#length);
    this.#start = this.#at(skipped);
    this.#length -= skipped;
  }

  clear(): void {
    this.#buffer = new Uint8Array(0);
    this.#start = 0;
    this.#length = 0;
  }

  #at(offset: number): number {
    return this.#buffer.length === 0 ? 0 : (this.#start + offset) % this.#buffer.length;
  }

  #grow(needed: number): void {
    if (needed > this.#capacity) throw new RangeError(`${needed} bytes do not fit into ${this.#capacity}`);
    if (needed <= this.#buffer.length) return;
    let size = Math.max(FIRST_BYTES, this.#buffer.length);
    while (size < needed) size *= 2;
    const larger = new Uint8Array(Math.min(size, this.#capacity));
    let at = 0;
    for (const part of this.view(0, this.#length)) {
      larger.set(part, at);
      at += part.length;
    }
    this.#buffer = larger;
    this.#start = 0;
  }
}
