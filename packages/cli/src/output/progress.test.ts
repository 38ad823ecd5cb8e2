import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { OperationView, Stage } from "@banger/contract/daemon/operation";
import { OperationId } from "@banger/contract/ids";
import { Output } from "./output.ts";
import { startProgress } from "./progress.ts";

function view(stages: readonly Stage[]): OperationView {
  return {
    ...{ id: OperationId.parse("abcdefghijkl"), kind: "image.build", subject: "minimal", state: "running" },
    ...{ startedAt: "2026-01-01T00:00:00.000Z", durationMs: null, stages: [...stages] },
  };
}

const fetching = { name: "fetch\x1b[2J", startMs: 0, durationMs: null, doneBytes: 1536, totalBytes: 4096 };
const fetched = { ...fetching, durationMs: 1500 };
const making = { name: "make file system", startMs: 1500, durationMs: null };

function screen(terminal: boolean): { err: Output; said: () => string } {
  const stream = Object.assign(new PassThrough(), { isTTY: terminal, columns: 60 });
  return { err: new Output(stream), said: () => String(stream.read() ?? "") };
}

test("on a terminal the stages are drawn over, and one line is left", () => {
  const { err, said } = screen(true);
  let now = 0;
  using progress = startProgress({ err, quiet: false, now: () => now });
  progress.onChange(view([fetching]));
  assert.equal(said(), "> fetch\\x1b[2J                   0 ms  1.5 KiB of 4 KiB\n");
  now = 2000;
  progress.onChange(view([fetched, making]));
  assert.equal(
    said(),
    "\x1b[1A\r\x1b[J  fetch\\x1b[2J                  1.5 s  1.5 KiB of 4 KiB\n> make file system             500 ms\n",
  );
  progress.done("image minimal is there");
  assert.equal(said(), "\x1b[2A\r\x1b[Jimage minimal is there in 2.0 s\n");
});

test("a line is never wider than the terminal", () => {
  const { err, said } = screen(true);
  using progress = startProgress({ err, quiet: false, now: () => 0 });
  progress.onChange(view([{ ...fetching, name: "x".repeat(100) }]));
  assert.equal(said().length, 60);
});

test("elsewhere each stage is a line, however often its bytes change", () => {
  const { err, said } = screen(false);
  using progress = startProgress({ err, quiet: false, now: () => 0 });
  for (const stages of [[fetching], [fetching], [fetched, making]]) progress.onChange(view(stages));
  progress.done("image minimal is there");
  assert.equal(said(), "banger: fetch\\x1b[2J\nbanger: make file system\nbanger: image minimal is there in 0 ms\n");
});

test("a stage that takes long says what it has heard, and what a guest wrote is made harmless", () => {
  const boot = { name: "boot", startMs: 0, durationMs: null };
  const noted = { ...boot, note: "waited 10 s of 180 s for the guest" };
  const later = { ...boot, note: "waited 25 s of 180 s for the guest, whose console ends with: \x1b[2J" };
  const elsewhere = screen(false);
  using plain = startProgress({ err: elsewhere.err, quiet: false, now: () => 0 });
  for (const stages of [[boot], [noted], [noted], [later]]) plain.onChange(view(stages));
  assert.deepEqual(elsewhere.said().split("\n"), [
    ...["banger: boot", `banger: boot: ${noted.note}`],
    ...["banger: boot: waited 25 s of 180 s for the guest, whose console ends with: \\x1b[2J", ""],
  ]);
  const { err, said } = screen(true);
  using live = startProgress({ err, quiet: false, now: () => 10_000 });
  live.onChange(view([noted]));
  assert.equal(said(), "> boot                           0 ms  waited 10 s of 180 s\n");
});

test("quiet is quiet", () => {
  const { err, said } = screen(true);
  using progress = startProgress({ err, quiet: true, now: () => 0 });
  progress.onChange(view([fetching]));
  progress.done("all");
  assert.equal(said(), "");
});
