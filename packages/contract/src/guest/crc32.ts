/** CRC-32 (IEEE, reflected) whose start value is mixed with a seed, so that frames of different epochs do not pass for each other. */

const TABLE = makeTable();

function makeTable(): Uint32Array {
  const table = new Uint32Array(256);
  for (let n = 0; n < 256; n++) {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
    table[n] = c;
  }
  return table;
}

/** Of the first `count` bytes, starting from `0xffffffff ^ seed`. */
export function crc32(bytes: Uint8Array, options: { count?: number; seed?: number } = {}): number {
  const { count = bytes.length, seed = 0 } = options;
  let c = ~seed;
  for (let i = 0; i < count; i++) c = (c >>> 8) ^ (TABLE[(c ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  return ~c >>> 0;
}
