/** What a guest may make a terminal show: characters, and nothing that acts on it, hides or reorders. */
import assert from "node:assert/strict";
import type { Ended } from "./command.ts";

/** one of each that a terminal, or a reader, could fall for; the last bytes are no UTF-8 */
export const EVIL_BYTES: Buffer = Buffer.concat([
  Buffer.from("\x07\x08\x0b\x0c\x0e\x1b]0;title\x07\x1b[2J\x1b[31m\x1bP1;2|x\x1b\\\x7f"),
  Buffer.from("\u0085\u009b31m\u009d0;title\u009c\u202ereversed\u2066\u200b\u200d\ufeff\u2028\u{e0041}\u{f0000}"),
  Buffer.from([0xc0, 0x80, 0xff, 0xfe, 0xed, 0xa0, 0x80]),
]);

const ACTING = /[^\P{Cc}\n]|[\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}]/u;

/** Fails on the first byte of the output, or of what is said beside it, that is not plain text. */
export function assertHarmless({ bytes, stderr }: Pick<Ended, "bytes" | "stderr">, what: string): void {
  const stdout = new TextDecoder("utf8", { fatal: true, ignoreBOM: true }).decode(bytes);
  for (const text of [stdout, stderr]) {
    const at = text.search(ACTING);
    assert.equal(at, -1, `${what}: ${JSON.stringify(text.slice(Math.max(0, at - 40), at + 40))}`);
  }
}
