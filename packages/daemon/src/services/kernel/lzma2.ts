/** Decodes LZMA2: chunks of LZMA or of plain bytes, which may each begin afresh. */
import { setImmediate as nextTurn } from "node:timers/promises";
import { LzmaDecoder, type LzmaProperties } from "./lzma.ts";
import { RangeDecoder, XzError } from "./range-decoder.ts";

const CONTROL = { end: 0, plainAfterReset: 1, plain: 2, lzma: 0x80 } as const;
const RESET = { state: 1, properties: 2, dictionary: 3 } as const;
/** the event loop gets a turn after so much output, `bytes` */
const TURN_BYTES = 1 << 20;

export type Lzma2Result = { readonly inputEnd: number; readonly outputEnd: number };

/** Reads `input` from `inputAt` and fills `output` from `outputAt`, which must be large enough. */
export async function decodeLzma2(
  input: Buffer,
  output: Buffer,
  span: { inputAt: number; outputAt: number; signal: AbortSignal },
): Promise<Lzma2Result> {
  let { inputAt: read, outputAt: write } = span;
  let dictionary: number | undefined;
  let decoder: LzmaDecoder | undefined;
  let turnAt = write + TURN_BYTES;
  for (;;) {
    const control = byteAt(input, read);
    if (control === CONTROL.end) return { inputEnd: read + 1, outputEnd: write };
    const isLzma = control >= CONTROL.lzma;
    const reset = isLzma ? (control >> 5) & 3 : 0;
    if (control === CONTROL.plainAfterReset || reset === RESET.dictionary) dictionary = write;
    if (dictionary === undefined || (!isLzma && control > CONTROL.plain))
      throw new XzError("a chunk has a wrong control byte");
    const size = be16(input, read + 1) + 1 + (isLzma ? (control & 0x1f) * 2 ** 16 : 0);
    if (size > output.length - write) throw new XzError(`more than ${output.length} bytes come out`);
    if (isLzma) {
      const length = be16(input, read + 3) + 1;
      const withProperties = reset >= RESET.properties;
      if (withProperties) decoder = new LzmaDecoder(parseProperties(byteAt(input, read + 5)));
      else if (reset === RESET.state && decoder) decoder = new LzmaDecoder(decoder.properties);
      if (!decoder) throw new XzError("a chunk has no properties");
      const start = read + (withProperties ? 6 : 5);
      const range = new RangeDecoder(input, { start, length });
      decoder.decode(range, output, { from: write, to: write + size, dictionary });
      if (!range.finished) throw new XzError("a chunk does not end where it should");
      read = start + length;
    } else {
      if (read + 3 + size > input.length) throw new XzError("a plain chunk is cut short");
      input.copy(output, write, read + 3, read + 3 + size);
      read += 3 + size;
    }
    write += size;
    if (write < turnAt) continue;
    turnAt = write + TURN_BYTES;
    await nextTurn();
    span.signal.throwIfAborted();
  }
}

function parseProperties(byte: number): LzmaProperties {
  const literalContextBits = byte % 9;
  const literalPositionBits = Math.floor(byte / 9) % 5;
  const positionBits = Math.floor(byte / 45);
  if (positionBits > 4 || literalContextBits + literalPositionBits > 4)
    throw new XzError("a chunk has wrong properties");
  return { literalContextBits, literalPositionBits, positionBits };
}

function byteAt(input: Buffer, at: number): number {
  const byte = input[at];
  if (byte === undefined) throw new XzError("the stream ends within a block");
  return byte;
}

function be16(input: Buffer, at: number): number {
  return byteAt(input, at) * 256 + byteAt(input, at + 1);
}
