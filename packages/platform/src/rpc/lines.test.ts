import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { LineDecoder } from "./lines.ts";

function drain(decoder: LineDecoder): string[] {
  const lines: string[] = [];
  for (let line = decoder.next(); line !== undefined; line = decoder.next()) lines.push(line);
  return lines;
}

test("lines: any cutting of the bytes gives the same lines and the same rest", () => {
  const text = fc.array(
    fc.string({ unit: "grapheme", maxLength: 40 }).filter((s) => !s.includes("\n")),
    { maxLength: 12 },
  );
  fc.assert(
    fc.property(
      text,
      fc.string({ maxLength: 20 }).filter((s) => !s.includes("\n")),
      fc.array(fc.integer({ min: 1, max: 30 })),
      (lines, rest, cuts) => {
        const bytes = Buffer.from(lines.map((line) => `${line}\n`).join("") + rest);
        const decoder = new LineDecoder({ maxBytes: 1000 });
        const got: string[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const next = at + (cuts[i] ?? bytes.length);
          decoder.feed(bytes.subarray(at, next));
          got.push(...drain(decoder));
          at = next;
        }
        assert.deepEqual(
          got,
          lines.map((line) => Buffer.from(line).toString()),
        );
        assert.equal(decoder.rest().toString(), Buffer.from(rest).toString());
      },
    ),
  );
});

test("lines: one byte at a time", () => {
  const decoder = new LineDecoder({ maxBytes: 100 });
  const got: string[] = [];
  for (const byte of Buffer.from("añb\r\n\nlast\n")) {
    decoder.feed(Buffer.of(byte));
    got.push(...drain(decoder));
  }
  assert.deepEqual(got, ["añb\r", "", "last"]);
});

test("lines: a reader may stop between two lines and take what follows as bytes", () => {
  const decoder = new LineDecoder({ maxBytes: 100 });
  decoder.feed(Buffer.from("one\nraw\nbytes"));
  assert.equal(decoder.next(), "one");
  assert.equal(decoder.rest().toString(), "raw\nbytes");
  assert.equal(decoder.next(), undefined);
});

test("lines: bytes fed before the last ones were pulled are not lost", () => {
  const decoder = new LineDecoder({ maxBytes: 100 });
  decoder.feed(Buffer.from("one\ntw"));
  decoder.feed(Buffer.from("o\nthree\n"));
  assert.deepEqual(drain(decoder), ["one", "two", "three"]);
});

test("lines: one byte over the cap is refused, whole or in pieces, and the cap itself is not", () => {
  const whole = new LineDecoder({ maxBytes: 8 });
  whole.feed(Buffer.from("12345678\n123456789\n"));
  assert.equal(whole.next(), "12345678");
  assert.throws(
    () => whole.next(),
    (error) => AppError.is(error, "PROTOCOL_BROKEN"),
  );

  const pieces = new LineDecoder({ maxBytes: 8 });
  for (let i = 0; i < 8; i++) {
    pieces.feed(Buffer.from("x"));
    assert.equal(pieces.next(), undefined);
  }
  pieces.feed(Buffer.from("x"));
  assert.throws(
    () => pieces.next(),
    (error) => AppError.is(error, "PROTOCOL_BROKEN"),
  );
});
