/** A small LZ4 compressor for tests: it finds repetitions of the four bytes last seen at a hash, and nothing better. */

const MIN_MATCH = 4;
/** the format wants the last bytes of a block to be literals */
const TAIL_BYTES = 12;

export function encodeLz4Legacy(input: Buffer, options: { blockBytes?: number } = {}): Buffer {
  const blockBytes = options.blockBytes ?? 8 << 20;
  const parts: Buffer[] = [Buffer.from([0x02, 0x21, 0x4c, 0x18])];
  for (let at = 0; at < input.length; at += blockBytes) {
    const block = encodeLz4Block(input.subarray(at, at + blockBytes));
    const length = Buffer.alloc(4);
    length.writeUInt32LE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

export function encodeLz4Block(input: Buffer): Buffer {
  const seen = new Map<number, number>();
  const out: number[] = [];
  let literalsAt = 0;
  let at = 0;
  while (at + TAIL_BYTES < input.length) {
    const word = input.readUInt32LE(at);
    const before = seen.get(word);
    seen.set(word, at);
    if (before === undefined || at - before > 0xffff) {
      at += 1;
      continue;
    }
    let length = MIN_MATCH;
    while (at + length < input.length - 5 && input[before + length] === input[at + length]) length += 1;
    sequence(out, input.subarray(literalsAt, at), { offset: at - before, length });
    at += length;
    literalsAt = at;
  }
  sequence(out, input.subarray(literalsAt), undefined);
  return Buffer.from(out);
}

function sequence(out: number[], literals: Buffer, match: { offset: number; length: number } | undefined): void {
  const matchLength = match ? match.length - MIN_MATCH : 0;
  out.push((Math.min(literals.length, 15) << 4) | Math.min(matchLength, 15));
  rest(out, literals.length);
  for (const byte of literals) out.push(byte);
  if (!match) return;
  out.push(match.offset & 0xff, match.offset >> 8);
  rest(out, matchLength);
}

function rest(out: number[], length: number): void {
  if (length < 15) return;
  let left = length - 15;
  for (; left >= 255; left -= 255) out.push(255);
  out.push(left);
}
