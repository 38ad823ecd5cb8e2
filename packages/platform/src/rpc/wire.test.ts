import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@banger/contract/errors";
import fc from "fast-check";
import { errorFromWire, errorToWire, parseMessage } from "./wire.ts";

test("wire: an AppError keeps code, message, hint, facts and the text of its cause", () => {
  const error = new AppError("DISK_FULL", "no room", {
    facts: { neededBytes: 5 },
    hint: "make some",
    cause: new Error("ENOSPC", { cause: new Error("deep") }),
  });
  const back = errorFromWire(JSON.parse(JSON.stringify(errorToWire(error))));
  assert.equal(back.code, "DISK_FULL");
  assert.equal(back.message, "no room");
  assert.equal(back.hint, "make some");
  assert.deepEqual(back.facts, { neededBytes: 5 });
  assert.equal(back.cause instanceof Error ? back.cause.message : "", "ENOSPC: deep");
});

test("wire: a code of a newer peer becomes INTERNAL and is kept among the facts", () => {
  const back = errorFromWire({ code: 1, message: "odd", data: { code: "toString", facts: { a: 1, b: {} } } });
  assert.equal(back.code, "INTERNAL");
  assert.deepEqual(back.facts, { a: 1, peerCode: "toString" });
});

test("wire: whatever comes in is a message or PROTOCOL_BROKEN", () => {
  const line = fc.oneof(
    fc.string(),
    fc.json(),
    fc.object().map((o) => JSON.stringify({ id: 1, ...o })),
  );
  fc.assert(
    fc.property(line, (text) => {
      try {
        assert.match(parseMessage(text).kind, /^(request|notification|result|error)$/);
      } catch (error) {
        assert.ok(AppError.is(error, "PROTOCOL_BROKEN"), String(error));
      }
    }),
  );
});
