/**
 * The field coding of messages (docs/protocol/agent.md §4). A message is described once, as a table; its types, encoder
 * and decoder follow from that. Decoding is strict, because the other end is a guest: what is malformed is refused.
 */
import { joinBytes } from "../byte-queue.ts";
import { GuestText } from "../guest-text.ts";
import { readU64, writeU64 } from "./frame.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

export type FieldKind = "text" | "u64" | "u64n" | "bytes" | "struct";
/** `u64` is a number below 2^53, `u64n` a bigint; a list is a repeated tag */
export type FieldSpec = {
  readonly tag: number;
  readonly kind: FieldKind;
  readonly fields?: FieldTable;
  readonly list?: true;
  readonly required?: true;
};
export type FieldTable = { readonly [name: string]: FieldSpec };

type Scalar<F extends FieldSpec, Text> = F extends { kind: "text" }
  ? Text
  : F extends { kind: "u64" }
    ? number
    : F extends { kind: "u64n" }
      ? bigint
      : F extends { kind: "bytes" }
        ? Uint8Array
        : never;
type InValue<F extends FieldSpec> = F extends { fields: infer S extends FieldTable } ? FieldsIn<S> : Scalar<F, string>;
type OutValue<F extends FieldSpec> = F extends { fields: infer S extends FieldTable }
  ? FieldsOut<S>
  : Scalar<F, GuestText>;
type Required<T extends FieldTable> = { [K in keyof T]: T[K] extends { required: true } ? K : never }[keyof T];
type Lists<T extends FieldTable> = { [K in keyof T]: T[K] extends { list: true } ? K : never }[keyof T];

/** What is given to encode. */
export type FieldsIn<T extends FieldTable> = { readonly [K in Required<T>]: InValue<T[K]> } & {
  readonly [K in Exclude<keyof T, Required<T> | Lists<T>>]?: InValue<T[K]> | undefined;
} & { readonly [K in Lists<T>]?: readonly InValue<T[K]>[] | undefined };

/** What decoding gives: every list is there, empty if nothing was sent. */
export type FieldsOut<T extends FieldTable> = { readonly [K in Required<T>]: OutValue<T[K]> } & {
  readonly [K in Exclude<keyof T, Required<T> | Lists<T>>]?: OutValue<T[K]>;
} & { readonly [K in Lists<T>]: readonly OutValue<T[K]>[] };

/** What the peer sent breaks the coding. `reason` has only our own words in it. */
export class MalformedError extends Error {
  override readonly name = "MalformedError";
}

const FIELD_HEADER_BYTES = 8;

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

export function encodeFields<T extends FieldTable>(table: T, fields: FieldsIn<T>): Uint8Array {
  const parts: Uint8Array[] = [];
  const values = fields as Readonly<Record<string, unknown>>;
  for (const [name, spec] of Object.entries(table)) {
    const value = values[name];
    if (value === undefined) continue;
    for (const one of spec.list ? (value as readonly unknown[]) : [value]) {
      const bytes = encodeValue(spec, one);
      const header = new Uint8Array(FIELD_HEADER_BYTES);
      view(header).setUint16(0, spec.tag, true);
      view(header).setUint32(4, bytes.length, true);
      parts.push(header, bytes);
    }
  }
  return joinBytes(parts);
}

function encodeValue(spec: FieldSpec, value: unknown): Uint8Array {
  const eight = new Uint8Array(8);
  switch (spec.kind) {
    case "text":
      return encodeUtf8(value as string);
    case "bytes":
      return value as Uint8Array;
    case "u64":
      writeU64(view(eight), { at: 0, value: value as number });
      return eight;
    case "u64n":
      view(eight).setBigUint64(0, value as bigint, true);
      return eight;
    case "struct":
      return encodeFields(spec.fields ?? {}, value as FieldsIn<FieldTable>);
  }
}

/** Throws MalformedError. Unknown tags are skipped. */
export function decodeFields<T extends FieldTable>(table: T, bytes: Uint8Array): FieldsOut<T> {
  const byTag = new Map(Object.entries(table).map(([name, spec]) => [spec.tag, { name, spec }]));
  const single: Record<string, unknown> = {};
  const lists: Record<string, unknown[]> = {};
  for (const [name, spec] of Object.entries(table)) if (spec.list) lists[name] = [];
  let at = 0;
  while (at < bytes.length) {
    const { tag, value, next } = readField(bytes, at);
    at = next;
    const known = byTag.get(tag);
    if (!known) continue;
    const decoded = decodeValue(known.spec, { value, name: known.name });
    const list = lists[known.name];
    if (list) list.push(decoded);
    else if (known.name in single) throw new MalformedError(`field ${known.name} is there twice`);
    else single[known.name] = decoded;
  }
  for (const [name, spec] of Object.entries(table)) {
    if (spec.required && !(name in single)) throw new MalformedError(`field ${name} is missing`);
  }
  return { ...single, ...lists } as FieldsOut<T>;
}

function readField(bytes: Uint8Array, at: number): { tag: number; value: Uint8Array; next: number } {
  if (bytes.length - at < FIELD_HEADER_BYTES) throw new MalformedError(`a field's header is cut off at byte ${at}`);
  const header = view(bytes);
  const length = header.getUint32(at + 4, true);
  const start = at + FIELD_HEADER_BYTES;
  if (length > bytes.length - start) throw new MalformedError(`a field of ${length} bytes is longer than its message`);
  if (header.getUint16(at + 2, true) !== 0) throw new MalformedError(`reserved bits are set at byte ${at + 2}`);
  return { tag: header.getUint16(at, true), value: bytes.subarray(start, start + length), next: start + length };
}

function decodeValue(spec: FieldSpec, options: { value: Uint8Array; name: string }): unknown {
  const { value, name } = options;
  switch (spec.kind) {
    case "text": {
      const text = decodeUtf8(value);
      if (text === undefined || text.includes("\0")) throw new MalformedError(`field ${name} is not text`);
      return new GuestText(text);
    }
    case "bytes":
      return value;
    case "u64": {
      const number = value.length === 8 ? readU64(view(value), 0) : undefined;
      if (number === undefined) throw new MalformedError(`field ${name} is not a number below 2^53`);
      return number;
    }
    case "u64n":
      if (value.length !== 8) throw new MalformedError(`field ${name} is not a number`);
      return view(value).getBigUint64(0, true);
    case "struct":
      return decodeFields(spec.fields ?? {}, value);
  }
}
