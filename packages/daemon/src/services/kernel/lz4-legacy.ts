/**
 * Decodes LZ4 in its legacy framing, as kernels carry it: a magic number, then blocks of 8 MiB, each with its
 * compressed length before it. The input may be hostile: nothing is read or written outside the two buffers.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export const LZ4_LEGACY_MAGIC = 0x184c2102;
const MIN_MATCH = 4;

export class Lz4Error extends Error {
  override readonly name = "Lz4Error";
}

/** `sizeBytes` is what must come out, exactly. Gives the event loop a turn between blocks. */
export async function decodeLz4Legacy(
  input: Buffer,
  { sizeBytes, signal }: { sizeBytes: number; signal: AbortSignal },
): Promise<Buffer> {
  if (input.length < 4 || input.readUInt32LE(0) !== LZ4_LEGACY_MAGIC) throw new Lz4Error("no LZ4 magic number");
  const output = Buffer.alloc(sizeBytes);
  let at = 4;
  let made = 0;
  while (made < sizeBytes) {
    if (at + 4 > input.length) throw new Lz4Error(`input ends after ${made} of ${sizeBytes} bytes`);
    const length = input.readUInt32LE(at);
    at += 4;
    if (length === LZ4_LEGACY_MAGIC) continue; // frames may be concatenated
    if (length === 0 || length > input.length - at) throw new Lz4Error(`a block of ${length} bytes does not fit`);
    made = decodeLz4Block(input.subarray(at, at + length), { output, from: made });
    at += length;
    await nextTurn();
    signal.throwIfAborted();
  }
  return output;
}

/** Decodes one block into `output` at `from`; returns where it ended. Matches reach back into this block only. */
export function decodeLz4Block(block: Buffer, { output, from }: { output: Buffer; from: number }): number {
  let read = 0;
  let write = from;
  const longLength = (short: number): number => {
    if (short !== 15) return short;
    let length = 15;
    for (;;) {
      const more = block[read++];
      if (more === undefined) throw new Lz4Error("a length runs over the end of its block");
      length += more;
      if (more !== 255) return length;
    }
  };
  for (;;) {
    const token = block[read++];
    if (token === undefined) throw new Lz4Error("a block ends without literals");
    const literals = longLength(token >> 4);
    if (literals > block.length - read) throw new Lz4Error("literals run over the end of their block");
    if (literals > output.length - write) throw new Lz4Error("literals run over the end of the output");
    block.copy(output, write, read, read + literals);
    read += literals;
    write += literals;
    if (read === block.length) return write; // the last sequence has literals only
    if (block.length - read < 2) throw new Lz4Error("an offset runs over the end of its block");
    const offset = block.readUInt16LE(read);
    read += 2;
    const length = longLength(token & 15) + MIN_MATCH;
    if (offset === 0 || offset > write - from) throw new Lz4Error("a match begins before its block");
    if (length > output.length - write) throw new Lz4Error("a match runs over the end of the output");
    copyMatch(output, { at: write, offset, length });
    write += length;
  }
}

/** A match may overlap itself: it then repeats its beginning. */
function copyMatch(output: Buffer, { at, offset, length }: { at: number; offset: number; length: number }): void {
  let done = 0;
  while (done < length) {
    const step = Math.min(offset + done, length - done);
    output.copyWithin(at + done, at - offset, at - offset + step);
    done += step;
  }
}
