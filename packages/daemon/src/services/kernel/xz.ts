/**
 * Decodes .xz files as kernels and their modules carry them: LZMA2, optionally behind the x86 filter, checked by CRC-32
 * or SHA-256. See docs/adr/ for why this is not a package of somebody else's.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { undoX86Filter } from "./bcj-x86.ts";
import { decodeLzma2 } from "./lzma2.ts";
import { XzError } from "./range-decoder.ts";

const MAGIC = "fd377a585a00";
const STREAM_HEADER_BYTES = 12;
const FILTER = { x86: 0x04, lzma2: 0x21 } as const;
/** by number in the stream header, `bytes` */
const CHECK_BYTES: Readonly<Record<number, number>> = { 0: 0, 1: 4, 10: 32 };

/** Only the first stream is read; what follows its blocks is not looked at. */
export async function decodeXz(
  input: Buffer,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<Buffer> {
  if (input.length < STREAM_HEADER_BYTES || input.toString("hex", 0, 6) !== MAGIC)
    throw new XzError("no xz magic number");
  if (crc32(input.subarray(6, 8)) !== input.readUInt32LE(8)) throw new XzError("the stream header is damaged");
  const check = (input[7] ?? 0) & 0x0f;
  const checkBytes = CHECK_BYTES[check];
  if (input[6] !== 0 || checkBytes === undefined) throw new XzError(`check number ${check} is not supported`);
  const blocks: Buffer[] = [];
  let made = 0;
  let at = STREAM_HEADER_BYTES;
  for (;;) {
    if (at >= input.length) throw new XzError("the stream has no index");
    if (input[at] === 0) return Buffer.concat(blocks); // the index begins
    const header = parseBlockHeader(input, at);
    const { block, inputEnd } = await decodeBlock(input, header, { maxBytes: maxBytes - made, signal });
    at = inputEnd + ((4 - ((inputEnd - header.dataAt) & 3)) & 3);
    if (at + checkBytes > input.length) throw new XzError("a block has no check");
    verify(block, { check, expected: input.subarray(at, at + checkBytes) });
    at += checkBytes;
    made += block.length;
    blocks.push(block);
  }
}

type BlockHeader = { readonly dataAt: number; readonly x86: boolean; readonly unpackedBytes: number | undefined };

function parseBlockHeader(input: Buffer, at: number): BlockHeader {
  const length = ((input[at] ?? 0) + 1) * 4;
  const dataAt = at + length;
  if (dataAt > input.length) throw new XzError("a block header is cut short");
  const header = input.subarray(at, dataAt - 4);
  if (crc32(header) !== input.readUInt32LE(dataAt - 4)) throw new XzError("a block header is damaged");
  const reader = { header, at: 2 };
  const flags = header[1] ?? 0;
  if ((flags & 0x3c) !== 0) throw new XzError("a block header has unknown flags");
  if ((flags & 0x40) !== 0) readNumber(reader); // compressed size: LZMA2 ends by itself
  const unpackedBytes = (flags & 0x80) === 0 ? undefined : readNumber(reader);
  const filters = [];
  for (let i = 0; i <= (flags & 3); i += 1) {
    const id = readNumber(reader);
    const properties = readNumber(reader);
    if (id === FILTER.x86 && properties !== 0) throw new XzError("the x86 filter with an offset is not supported");
    reader.at += properties;
    filters.push(id);
  }
  const chain = filters.join(",");
  if (chain === `${FILTER.lzma2}`) return { dataAt, unpackedBytes, x86: false };
  if (chain === `${FILTER.x86},${FILTER.lzma2}`) return { dataAt, unpackedBytes, x86: true };
  throw new XzError(`the filters ${chain} are not supported`);
}

function readNumber(reader: { readonly header: Buffer; at: number }): number {
  let value = 0;
  for (let i = 0; i < 7; i += 1) {
    const byte = reader.header[reader.at];
    if (byte === undefined) break;
    reader.at += 1;
    value += (byte & 0x7f) * 2 ** (7 * i);
    if (byte < 0x80) return value;
  }
  throw new XzError("a block header has a number that is too long");
}

async function decodeBlock(
  input: Buffer,
  header: BlockHeader,
  { maxBytes, signal }: { maxBytes: number; signal: AbortSignal },
): Promise<{ block: Buffer; inputEnd: number }> {
  const known = header.unpackedBytes;
  if (known !== undefined && known > maxBytes) throw new XzError(`more than ${maxBytes} bytes come out`);
  // Without a size in the header the chunks tell it: their headers are walked before memory is taken.
  const size = known ?? measureChunks(input, { at: header.dataAt, maxBytes });
  const output = Buffer.alloc(size);
  const end = await decodeLzma2(input, output, { inputAt: header.dataAt, outputAt: 0, signal });
  if (end.outputEnd !== size) throw new XzError(`${end.outputEnd} bytes come out instead of ${size}`);
  if (header.x86) undoX86Filter(output);
  return { block: output, inputEnd: end.inputEnd };
}

function measureChunks(input: Buffer, { at, maxBytes }: { at: number; maxBytes: number }): number {
  let total = 0;
  for (let read = at; read + 5 <= input.length && input[read] !== 0; ) {
    const control = input[read] ?? 0;
    const low = input.readUInt16BE(read + 1) + 1;
    const isLzma = control >= 0x80;
    total += isLzma ? low + (control & 0x1f) * 2 ** 16 : low;
    if (total > maxBytes) throw new XzError(`more than ${maxBytes} bytes come out`);
    read += isLzma ? input.readUInt16BE(read + 3) + 1 + (control >= 0xc0 ? 6 : 5) : 3 + low;
  }
  return total;
}

function verify(block: Buffer, { check, expected }: { check: number; expected: Buffer }): void {
  if (check === 1 && crc32(block) !== expected.readUInt32LE(0)) throw new XzError("the content is damaged (CRC-32)");
  if (check === 10 && !createHash("sha256").update(block).digest().equals(expected)) {
    throw new XzError("the content is damaged (SHA-256)");
  }
}
