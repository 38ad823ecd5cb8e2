/**
 * Undoes the x86 filter of xz: before compression, the relative targets of calls and jumps (E8, E9) were made absolute,
 * so that equal targets look alike. Works in place.
 */

/** By which of the three bytes before had been opcodes too: is a conversion possible, and which byte decides. */
const POSSIBLE = [true, true, true, false, true, false, false, false];
const DECIDING_BYTE = [0, 1, 2, 2, 3, 3, 3, 3];
const INSTRUCTION_BYTES = 5;

export function undoX86Filter(code: Buffer): void {
  let mask = 0;
  let last = -1;
  for (let at = 0; at + INSTRUCTION_BYTES <= code.length; at += 1) {
    if (((code[at] ?? 0) & 0xfe) !== 0xe8) continue;
    const gap = at - last;
    last = at;
    mask = gap > 3 ? 0 : (mask << (gap - 1)) & 7;
    const blocked = mask !== 0 && (!POSSIBLE[mask] || isSign(code[at + 4 - (DECIDING_BYTE[mask] ?? 0)] ?? 0));
    if (blocked || !isSign(code[at + 4] ?? 0)) {
      mask = (mask << 1) | 1;
      continue;
    }
    code.writeUInt32LE(relative(code.readUInt32LE(at + 1), { next: at + INSTRUCTION_BYTES, mask }), at + 1);
    at += INSTRUCTION_BYTES - 1;
  }
}

function relative(absolute: number, { next, mask }: { next: number; mask: number }): number {
  let from = absolute;
  let target = (from - next) >>> 0;
  const shift = (DECIDING_BYTE[mask] ?? 0) * 8;
  while (mask !== 0 && isSign((target >>> (24 - shift)) & 0xff)) {
    from = (target ^ (2 ** (32 - shift) - 1)) >>> 0;
    target = (from - next) >>> 0;
  }
  const low = target & 0x01ffffff;
  return (low & 0x01000000) === 0 ? low : (low | 0xff000000) >>> 0;
}

/** What the highest byte of a near target is. */
function isSign(byte: number): boolean {
  return byte === 0x00 || byte === 0xff;
}
