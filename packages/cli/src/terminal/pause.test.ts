import assert from "node:assert/strict";
import { test } from "node:test";
import { pause } from "./pause.ts";

test("a pause ends by itself, or with the reason for which it was broken off", async () => {
  const { signal } = new AbortController();
  await pause(0, signal);
  const gone = new Error("nobody looks any more");
  const abort = new AbortController();
  const broken = pause(3_600_000, abort.signal);
  abort.abort(gone);
  await assert.rejects(broken, gone);
  await assert.rejects(pause(3_600_000, abort.signal), gone);
});
