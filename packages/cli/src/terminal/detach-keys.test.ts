import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { defaultDetachKeys, parseDetachKeys } from "../arguments/detach-keys.ts";
import { withoutDetachKeys } from "./detach-keys.ts";

async function typed(
  chunks: readonly string[],
  keys = defaultDetachKeys,
): Promise<{ passed: string; pressed: number }> {
  let pressed = 0;
  const count = () => {
    pressed += 1;
  };
  const passed = await buffer(
    Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(withoutDetachKeys(keys, count)),
  );
  return { passed: passed.toString(), pressed };
}

test("keys are docker's to write", () => {
  assert.deepEqual([...parseDetachKeys("ctrl-p,ctrl-q")], [16, 17]);
  assert.deepEqual([...parseDetachKeys("a,ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_")], [97, 0, 27, 28, 29, 30, 31]);
  assert.equal(parseDetachKeys("none").length, 0);
  for (const text of ["", "ctrl-", "ctrl-1", "ab", "ctrl-p,", "é", "a,b,c,d,e,f,g,h,i"]) {
    assert.throws(
      () => parseDetachKeys(text),
      (error) => AppError.is(error, "USAGE"),
      text,
    );
  }
});

test("the sequence leaves, however it is typed, and nothing behind it goes on; its beginning alone is the command's", async () => {
  assert.deepEqual(await typed(["ls\r\x10", "\x11more"]), { passed: "ls\r", pressed: 1 });
  assert.deepEqual(await typed(["\x10x\x11"]), { passed: "\x10x\x11", pressed: 0 });
  assert.deepEqual(await typed(["\x10\x10\x11"]), { passed: "\x10", pressed: 1 });
  assert.deepEqual(await typed(["a\x10"]), { passed: "a\x10", pressed: 0 });
  assert.deepEqual(await typed(["aaab"], parseDetachKeys("a,a,b")), { passed: "a", pressed: 1 });
  assert.deepEqual(await typed(["x"], parseDetachKeys("x")), { passed: "", pressed: 1 });
});

test("what holds no sequence goes through as it is, whatever the chunks", async () => {
  const chunks = fc.array(fc.string({ unit: fc.constantFrom("\x10", "a", "\r") }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(chunks, async (parts) => {
      assert.deepEqual(await typed(parts), { passed: parts.join(""), pressed: 0 });
    }),
  );
});
