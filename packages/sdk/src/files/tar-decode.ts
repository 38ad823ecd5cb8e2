/**
 * Header blocks and pax records that somebody hostile may have written, into entries. Every number is checked before it is
 * believed; what is wrong is ARCHIVE_UNSAFE.
 */
import { AppError } from "@banger/contract/errors";
import { checksum, type TarEntry, type TarKind } from "./tar-header.ts";

/** What came before a header: its long names, and what else did not fit. */
export type Extended = {
  readonly path?: Buffer;
  readonly link?: Buffer;
  readonly size?: number;
  readonly mtimeNs?: bigint;
};

/** `extended` and `long...` describe the entry that follows. */
export type Header = {
  readonly is: "entry" | "extended" | "longName" | "longLink" | "ignored";
  readonly entry: TarEntry;
};

const KINDS: Readonly<Record<string, TarKind>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  "1": "hardlink",
  "2": "symlink",
  "5": "directory",
};
const BEFORE: Readonly<Record<string, Header["is"]>> = {
  x: "extended",
  L: "longName",
  K: "longLink",
  g: "ignored",
};

export function unsafe(what: string): AppError {
  return new AppError("ARCHIVE_UNSAFE", `the archive from the machine is not as it should be: ${what}`);
}

export function decodeHeader(block: Buffer): Header {
  if (number(block, 148, 8) !== checksum(block)) throw unsafe("a header's checksum is wrong");
  const flag = String.fromCharCode(block[156] ?? 0);
  const is = BEFORE[flag] ?? "entry";
  const name = text(block, 0, 100);
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 155) : Buffer.alloc(0);
  const kind = KINDS[flag] ?? "other";
  const size = number(block, 124, 12);
  const entry: TarEntry = {
    kind,
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from("/"), name]) : name,
    link: text(block, 157, 100),
    mode: number(block, 100, 8) & 0o7777,
    // Links, directories and devices have none, whatever the field says; of what we do not know it is believed and skipped.
    size: is === "entry" && "123456".includes(flag) ? 0 : size,
    mtimeNs: BigInt(number(block, 136, 12)) * 1_000_000_000n,
  };
  return { is, entry };
}

export function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}

function text(block: Buffer, at: number, size: number): Buffer {
  const field = block.subarray(at, at + size);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** Octal digits, or a binary number behind 0x80. */
function number(block: Buffer, at: number, size: number): number {
  const field = block.subarray(at, at + size);
  if (field[0] === 0x80) {
    const value = field.subarray(1).reduce((sum, byte) => sum * 256 + byte, 0);
    if (!Number.isSafeInteger(value)) throw unsafe("a number is too large");
    return value;
  }
  const digits = /^ *([0-7]*)(?:[ \0]|$)/.exec(field.toString("latin1"))?.[1];
  if (digits === undefined) throw unsafe("a number is none");
  return digits === "" ? 0 : Number.parseInt(digits, 8);
}

export function decodePax(records: Buffer): Extended {
  let at = 0;
  let found: Extended = {};
  while (at < records.length) {
    const space = records.indexOf(0x20, at);
    const digits = records.toString("latin1", at, Math.min(space, at + 8));
    const length = Number(digits);
    const equals = records.indexOf(0x3d, at);
    const end = at + length;
    if (space === -1 || !/^[1-9]\d*$/.test(digits) || end > records.length || records[end - 1] !== 0x0a) {
      throw unsafe("a pax record is malformed");
    }
    if (equals <= space || equals >= end) throw unsafe("a pax record has no key");
    const key = records.toString("latin1", space + 1, equals);
    found = { ...found, ...known(key, records.subarray(equals + 1, end - 1)) };
    at = end;
  }
  return found;
}

function known(key: string, value: Buffer): Extended {
  if (key === "path") return { path: withoutNul(value) };
  if (key === "linkpath") return { link: withoutNul(value) };
  if (key === "mtime") return { mtimeNs: parseTime(value.toString("latin1")) };
  if (key.startsWith("GNU.sparse")) throw unsafe("it describes holes in a file");
  if (key !== "size") return {};
  const size = Number(value.toString("latin1"));
  if (!/^\d+$/.test(value.toString("latin1")) || !Number.isSafeInteger(size)) throw unsafe("a size is none");
  return { size };
}

export function withoutNul(value: Buffer): Buffer {
  if (value.includes(0)) throw unsafe("a name holds a zero byte");
  return Buffer.from(value);
}

function parseTime(decimal: string): bigint {
  const [, sign, seconds = "", fraction = ""] = /^(-?)(\d{1,12})(?:\.(\d*))?$/.exec(decimal) ?? [];
  if (seconds === "") throw unsafe("a time is none");
  const ns = BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "-" ? -ns : ns;
}

/** The entry with what came before it. */
export function withExtended(entry: TarEntry, { path, link, size, mtimeNs }: Extended): TarEntry {
  const hasContent = entry.kind === "file" || entry.kind === "other";
  return {
    ...entry,
    ...(path && { name: path }),
    ...(link && { link }),
    ...(size !== undefined && hasContent && { size }),
    ...(mtimeNs !== undefined && { mtimeNs }),
  };
}
