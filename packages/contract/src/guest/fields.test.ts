import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { GuestText } from "../guest-text.ts";
import { decodeFields, encodeFields, type FieldTable, MalformedError } from "./fields.ts";
import { MAX_FIELDS_BYTES, MESSAGE_HEADER_BYTES, MessageAssembler } from "./message-frame.ts";
import { decodeAnswer, guestEvents, guestVerbs } from "./messages.ts";

const table = {
  name: { tag: 1, kind: "text", required: true },
  size: { tag: 2, kind: "u64" },
  time: { tag: 3, kind: "u64n" },
  blob: { tag: 4, kind: "bytes" },
  word: { tag: 5, kind: "text", list: true },
  part: { tag: 6, kind: "struct", list: true, fields: { key: { tag: 1, kind: "text", required: true } } },
} as const satisfies FieldTable;

const text = fc.string({ unit: "grapheme" }).filter((one) => one.isWellFormed() && !one.includes("\0"));

test("what is encoded decodes to the same", () => {
  const plain = { noNullPrototype: true };
  const value = fc.record(
    {
      name: text,
      size: fc.maxSafeNat(),
      time: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      blob: fc.uint8Array(),
      word: fc.array(text),
      part: fc.array(fc.record({ key: text }, plain)),
    },
    plain,
  );
  fc.assert(
    fc.property(value, (given) => {
      const { name, word, part, ...rest } = decodeFields(table, encodeFields(table, given));
      assert.deepEqual(
        { ...rest, name: name.raw(), word: word.map(raw), part: part.map(({ key }) => ({ key: raw(key) })) },
        given,
      );
    }),
  );
});

function raw(one: GuestText): string {
  return one.raw();
}

test("any bytes decode or are refused as malformed, for every verb and event", () => {
  const tables = [
    ...Object.values(guestVerbs).flatMap((verb) => [verb.request, verb.answer]),
    ...Object.values(guestEvents).map((event) => event.fields),
  ];
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(tables.length - 1), (bytes, at) => {
      cleanly(() => decodeFields(tables[at] ?? table, bytes));
      cleanly(() => decodeAnswer("stat", bytes));
    }),
  );
});

test("damaged fields decode or are refused as malformed", () => {
  const good = encodeFields(table, {
    name: "a",
    size: 1,
    word: ["b", "c"],
    part: [{ key: "d" }],
    blob: Uint8Array.of(1),
  });
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
      const bytes = good.slice(0, length);
      if (at < length) bytes[at] = value;
      cleanly(() => decodeFields(table, bytes));
    }),
  );
});

function cleanly(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    assert.ok(error instanceof MalformedError, String(error));
  }
}

function field(tag: number, value: Uint8Array, reserved = 0): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16LE(tag, 0);
  header.writeUInt16LE(reserved, 2);
  header.writeUInt32LE(value.length, 4);
  return Buffer.concat([header, value]);
}

test("each kind of bad field is named", () => {
  const name = field(1, Buffer.from("x"));
  const cases: [Buffer, RegExp][] = [
    [Buffer.alloc(0), /name is missing/],
    [Buffer.concat([name, name]), /name is there twice/],
    [field(1, Buffer.from([0xff])), /name is not text/],
    [field(1, Buffer.from("a\0b")), /name is not text/],
    [Buffer.concat([name, field(2, Buffer.alloc(4))]), /size is not a number/],
    [Buffer.concat([name, field(2, Buffer.alloc(8, 0xff))]), /size is not a number below/],
    [Buffer.concat([name, field(3, Buffer.alloc(7))]), /time is not a number/],
    [Buffer.concat([name, field(6, Buffer.alloc(0))]), /key is missing/],
    [name.subarray(0, 5), /header is cut off/],
    [name.subarray(0, 8), /longer than its message/],
    [field(1, Buffer.from("x"), 1), /reserved bits/],
  ];
  for (const [bytes, message] of cases)
    assert.throws(() => decodeFields(table, bytes), { name: "MalformedError", message });
});

test("an unknown tag is skipped", () => {
  assert.equal(
    decodeFields(table, Buffer.concat([field(99, Buffer.alloc(3)), field(1, Buffer.from("x"))])).name.raw(),
    "x",
  );
});

test("a message that claims too much is refused before anything of it is kept", () => {
  const header = Buffer.alloc(MESSAGE_HEADER_BYTES);
  header.writeUInt32LE(MAX_FIELDS_BYTES + 1, 0);
  const assembler = new MessageAssembler();
  assembler.push(header);
  assert.throws(() => assembler.next(), MalformedError);
});
