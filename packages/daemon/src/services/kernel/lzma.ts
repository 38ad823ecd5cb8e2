/** Decodes LZMA symbols into a buffer that is its own dictionary. Hostile input throws, it never reads or writes astray. */
import { EVEN, type RangeDecoder, XzError } from "./range-decoder.ts";

export type LzmaProperties = {
  /** how many bits of the byte before choose the literal's probabilities */
  readonly literalContextBits: number;
  /** how many bits of the position do so */
  readonly literalPositionBits: number;
  /** how many bits of the position choose the other probabilities */
  readonly positionBits: number;
};

const STATES = 12;
const MAX_POSITION_STATES = 16;
const LITERAL_PROBABILITIES = 0x300;
const MIN_MATCH = 2;
/** states below have seen a literal last */
const LITERAL_STATES = 7;
const ALIGN_BITS = 4;
const DISTANCE_SLOT_BITS = 6;
const LENGTH_STATES = 4;
const FIRST_ALIGNED_SLOT = 14;
const SPECIAL_DISTANCES = 115;

function even(length: number): Uint16Array {
  return new Uint16Array(length).fill(EVEN);
}

/** Lengths from 2 to 273. */
class LengthDecoder {
  readonly #choice = even(2);
  readonly #low = even(MAX_POSITION_STATES << 3);
  readonly #middle = even(MAX_POSITION_STATES << 3);
  readonly #high = even(1 << 8);

  decode(range: RangeDecoder, positionState: number): number {
    if (range.bit(this.#choice, 0) === 0) {
      return MIN_MATCH + range.tree(this.#low, { base: positionState << 3, bits: 3 });
    }
    if (range.bit(this.#choice, 1) === 0) {
      return MIN_MATCH + 8 + range.tree(this.#middle, { base: positionState << 3, bits: 3 });
    }
    return MIN_MATCH + 16 + range.tree(this.#high, { base: 0, bits: 8 });
  }
}

export class LzmaDecoder {
  readonly #properties: LzmaProperties;
  readonly #isMatch = even(STATES * MAX_POSITION_STATES);
  readonly #isRepeat = even(STATES);
  readonly #isRepeat0 = even(STATES);
  readonly #isRepeat1 = even(STATES);
  readonly #isRepeat2 = even(STATES);
  readonly #isLongRepeat0 = even(STATES * MAX_POSITION_STATES);
  readonly #literals: Uint16Array;
  readonly #slots = even(LENGTH_STATES << DISTANCE_SLOT_BITS);
  readonly #special = even(SPECIAL_DISTANCES);
  readonly #align = even(1 << ALIGN_BITS);
  readonly #matchLength = new LengthDecoder();
  readonly #repeatLength = new LengthDecoder();
  #state = 0;
  /** the last four distances less 1, the latest first */
  readonly #recent = [0, 0, 0, 0];

  constructor(properties: LzmaProperties) {
    this.#properties = properties;
    this.#literals = even(LITERAL_PROBABILITIES << (properties.literalContextBits + properties.literalPositionBits));
  }

  get properties(): LzmaProperties {
    return this.#properties;
  }

  /** Fills `output` from `from` to `to`; matches reach back to `dictionary` at most. */
  decode(range: RangeDecoder, output: Buffer, span: { from: number; to: number; dictionary: number }): void {
    const { to, dictionary } = span;
    const positionMask = (1 << this.#properties.positionBits) - 1;
    let at = span.from;
    while (at < to) {
      const positionState = (at - dictionary) & positionMask;
      if (range.bit(this.#isMatch, this.#state * MAX_POSITION_STATES + positionState) === 0) {
        output[at] = this.#literal(range, output, { at, dictionary });
        at += 1;
        continue;
      }
      const length =
        range.bit(this.#isRepeat, this.#state) === 0
          ? this.#match(range, positionState)
          : this.#repeat(range, positionState);
      const distance = (this.#recent[0] ?? 0) + 1;
      if (distance > at - dictionary) throw new XzError("a match begins before its dictionary");
      if (length > to - at) throw new XzError("a match runs over the end of its chunk");
      for (const end = at + length; at < end; at += 1) output[at] = output[at - distance] ?? 0;
    }
  }

  #literal(range: RangeDecoder, output: Buffer, { at, dictionary }: { at: number; dictionary: number }): number {
    const { literalContextBits, literalPositionBits } = this.#properties;
    const before = at > dictionary ? (output[at - 1] ?? 0) : 0;
    const position = (at - dictionary) & ((1 << literalPositionBits) - 1);
    const base = LITERAL_PROBABILITIES * ((position << literalContextBits) + (before >> (8 - literalContextBits)));
    let symbol = 1;
    if (this.#state >= LITERAL_STATES) {
      const distance = (this.#recent[0] ?? 0) + 1;
      if (distance > at - dictionary) throw new XzError("a literal is compared with nothing");
      // As long as its bits agree with those of the byte that a match would have given, that byte chooses.
      let expected = output[at - distance] ?? 0;
      while (symbol < 0x100) {
        const wanted = (expected >> 7) & 1;
        expected <<= 1;
        const bit = range.bit(this.#literals, base + ((1 + wanted) << 8) + symbol);
        symbol = (symbol << 1) | bit;
        if (wanted !== bit) break;
      }
    }
    while (symbol < 0x100) symbol = (symbol << 1) | range.bit(this.#literals, base + symbol);
    if (this.#state < 4) this.#state = 0;
    else this.#state -= this.#state < 10 ? 3 : 6;
    return symbol & 0xff;
  }

  #match(range: RangeDecoder, positionState: number): number {
    const length = this.#matchLength.decode(range, positionState);
    this.#state = this.#state < LITERAL_STATES ? 7 : 10;
    this.#recent.unshift(this.#distance(range, length));
    this.#recent.length = 4;
    return length;
  }

  #distance(range: RangeDecoder, length: number): number {
    const lengthState = Math.min(length - MIN_MATCH, LENGTH_STATES - 1);
    const slot = range.tree(this.#slots, { base: lengthState << DISTANCE_SLOT_BITS, bits: DISTANCE_SLOT_BITS });
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const high = (2 | (slot & 1)) * 2 ** bits;
    if (slot < FIRST_ALIGNED_SLOT) return high + range.reverseTree(this.#special, { base: high - slot, bits });
    return (
      high +
      range.direct(bits - ALIGN_BITS) * 2 ** ALIGN_BITS +
      range.reverseTree(this.#align, { base: 0, bits: ALIGN_BITS })
    );
  }

  #repeat(range: RangeDecoder, positionState: number): number {
    const short = this.#state < LITERAL_STATES;
    if (range.bit(this.#isRepeat0, this.#state) === 0) {
      if (range.bit(this.#isLongRepeat0, this.#state * MAX_POSITION_STATES + positionState) === 0) {
        this.#state = short ? 9 : 11;
        return 1;
      }
    } else {
      const index = range.bit(this.#isRepeat1, this.#state) === 0 ? 1 : 2 + range.bit(this.#isRepeat2, this.#state);
      const [distance = 0] = this.#recent.splice(index, 1);
      this.#recent.unshift(distance);
    }
    this.#state = short ? 8 : 11;
    return this.#repeatLength.decode(range, positionState);
  }
}
