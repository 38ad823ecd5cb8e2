/**
 * The tar format, as far as a machine's agent and we speak it: ustar headers and pax records. Names are bytes throughout,
 * because a file's name need not be text; times keep their nanoseconds. Nothing here touches a file.
 */

export const BLOCK = 512;
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

export type TarKind = "file" | "directory" | "symlink" | "hardlink" | "other";

export type TarEntry = {
  readonly kind: TarKind;
  /** directories may end with a slash */
  readonly name: Buffer;
  /** where a link leads; empty otherwise */
  readonly link: Buffer;
  /** permissions, as in chmod(2) */
  readonly mode: number;
  /** bytes of content that follow; 0 unless it is a file */
  readonly size: number;
  /** since 1970, `ns` */
  readonly mtimeNs: bigint;
};

const FLAGS: Readonly<Record<TarKind, string>> = { file: "0", hardlink: "1", symlink: "2", directory: "5", other: "6" };
const NAME_BYTES = 100;
const LARGEST = 0o77777777777;
const NS = 1_000_000_000n;

/** The header of a member, with a pax header before it for what the older format can not say. */
export function encodeEntry(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  const header = ustar(entry, FLAGS[entry.kind]);
  if (records.length === 0) return header;
  const empty = Buffer.alloc(0);
  const extended = { kind: "other", name: Buffer.from("PaxHeader"), link: empty, mode: 0o644 } as const;
  const before = ustar({ ...extended, size: records.length, mtimeNs: 0n }, "x");
  return Buffer.concat([before, records, Buffer.alloc(padding(records.length)), header]);
}

/** Zeros between a member's content and the next header. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

function ustar({ name, link, mode, size, mtimeNs }: TarEntry, flag: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  name.copy(block, 0, 0, NAME_BYTES);
  octal(block, mode & 0o7777, { at: 100, digits: 7 });
  octal(block, 0, { at: 108, digits: 7 });
  octal(block, 0, { at: 116, digits: 7 });
  octal(block, size > LARGEST ? 0 : size, { at: 124, digits: 11 });
  const seconds = Number(mtimeNs / NS);
  octal(block, seconds < 0 || seconds > LARGEST ? 0 : seconds, { at: 136, digits: 11 });
  block.write(flag, 156, "latin1");
  link.copy(block, 157, 0, NAME_BYTES);
  block.write("ustar\x0000", 257, "latin1");
  octal(block, 0, { at: 329, digits: 7 });
  octal(block, 0, { at: 337, digits: 7 });
  octal(block, checksum(block), { at: 148, digits: 6 });
  block.write("\0 ", 154, "latin1");
  return block;
}

function octal(block: Buffer, value: number, { at, digits }: { at: number; digits: number }): void {
  block.write(value.toString(8).padStart(digits, "0"), at, "latin1");
}

/** Of a header block, with its own field taken as spaces. */
export function checksum(block: Buffer): number {
  let sum = 0;
  for (let at = 0; at < BLOCK; at += 1) sum += at >= 148 && at < 156 ? 0x20 : (block[at] ?? 0);
  return sum;
}

function paxRecords({ name, link, size, mtimeNs }: TarEntry): Buffer {
  const records: Buffer[] = [];
  if (name.length > NAME_BYTES) records.push(paxRecord("path", name));
  if (link.length > NAME_BYTES) records.push(paxRecord("linkpath", link));
  if (size > LARGEST) records.push(paxRecord("size", Buffer.from(String(size))));
  if (mtimeNs < 0n || mtimeNs % NS !== 0n || mtimeNs / NS > BigInt(LARGEST)) {
    records.push(paxRecord("mtime", Buffer.from(decimalSeconds(mtimeNs))));
  }
  return Buffer.concat(records);
}

/** `LENGTH key=value\n`, where the length counts itself. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`), value, Buffer.from("\n")]);
}

function decimalSeconds(ns: bigint): string {
  const size = ns < 0n ? -ns : ns;
  return `${ns < 0n ? "-" : ""}${size / NS}.${String(size % NS).padStart(9, "0")}`;
}
