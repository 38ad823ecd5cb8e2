/** The arithmetic decoder beneath LZMA: reads bits by their probabilities. Reading past the end throws. */

/** Probabilities have 11 bits and begin at one half. */
export const EVEN = 1024;
const PROBABILITY_BITS = 11;
const ADAPT_SHIFT = 5;
const NORMALIZE_BELOW = 2 ** 24;

export class XzError extends Error {
  override readonly name = "XzError";
}

export class RangeDecoder {
  readonly #input: Buffer;
  readonly #end: number;
  #at: number;
  #range = 0xffffffff;
  #code = 0;

  /** Takes `length` bytes of `input` from `start`; the first five are its own. */
  constructor(input: Buffer, { start, length }: { start: number; length: number }) {
    if (length < 5 || start + length > input.length) throw new XzError("a chunk is cut short");
    if (input[start] !== 0) throw new XzError("a chunk begins wrongly");
    this.#input = input;
    this.#code = input.readUInt32BE(start + 1);
    this.#at = start + 5;
    this.#end = start + length;
  }

  /** True when the chunk was read to its last byte and the arithmetic came out even. */
  get finished(): boolean {
    if (this.#range < NORMALIZE_BELOW) this.#normalize();
    return this.#at === this.#end && this.#code === 0;
  }

  bit(probabilities: Uint16Array, index: number): 0 | 1 {
    if (this.#range < NORMALIZE_BELOW) this.#normalize();
    const probability = probabilities[index] ?? EVEN;
    const bound = (this.#range >>> PROBABILITY_BITS) * probability;
    if (this.#code < bound) {
      this.#range = bound;
      probabilities[index] = probability + (((1 << PROBABILITY_BITS) - probability) >> ADAPT_SHIFT);
      return 0;
    }
    this.#range -= bound;
    this.#code -= bound;
    probabilities[index] = probability - (probability >> ADAPT_SHIFT);
    return 1;
  }

  /** A number of `bits` bits, highest first, each with a probability that depends on those before. */
  tree(probabilities: Uint16Array, { base, bits }: { base: number; bits: number }): number {
    let node = 1;
    for (let i = 0; i < bits; i += 1) node = (node << 1) | this.bit(probabilities, base + node);
    return node - (1 << bits);
  }

  /** As `tree`, lowest bit first. */
  reverseTree(probabilities: Uint16Array, { base, bits }: { base: number; bits: number }): number {
    let node = 1;
    let value = 0;
    for (let i = 0; i < bits; i += 1) {
      const bit = this.bit(probabilities, base + node);
      node = (node << 1) | bit;
      value |= bit << i;
    }
    return value;
  }

  /** Bits of even odds, highest first. */
  direct(bits: number): number {
    let value = 0;
    for (let i = 0; i < bits; i += 1) {
      if (this.#range < NORMALIZE_BELOW) this.#normalize();
      this.#range = this.#range >>> 1;
      const bit = this.#code >= this.#range ? 1 : 0;
      if (bit === 1) this.#code -= this.#range;
      value = value * 2 + bit;
    }
    return value;
  }

  #normalize(): void {
    if (this.#at >= this.#end) throw new XzError("a chunk ends too early");
    this.#range = (this.#range << 8) >>> 0;
    this.#code = ((this.#code << 8) | (this.#input[this.#at] ?? 0)) >>> 0;
    this.#at += 1;
  }
}
