import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import type { OperationView, Stage } from "@banger/contract/daemon/operation";
import { OperationId } from "@banger/contract/ids";
import { Output } from "./output.ts";
import { startProgress } from "./progress.ts";
import { textWidth } from "./text-width.ts";

function view(stages: readonly Stage[]): OperationView {
  return {
    ...{ id: OperationId.parse("abcdefghijkl"), kind: "image.build", subject: "minimal", state: "running" },
    ...{ startedAt: "2026-01-01T00:00:00.000Z", durationMs: null, stages: [...stages] },
  };
}

const fetching = { name: "fetch\x1b[2J", startMs: 0, durationMs: null, doneBytes: 1536, totalBytes: 4096 };
const fetched = { ...fetching, durationMs: 1500 };
const making = { name: "make file system", startMs: 1500, durationMs: null };

type Size = { readonly columns?: number; readonly rows?: number };
type Screen = { readonly err: Output; readonly stream: PassThrough & Size; readonly said: () => string };

function screen(terminal: boolean, { columns = 60, rows = 24 }: Size = {}, env = {}): Screen {
  const stream = Object.assign(new PassThrough(), { isTTY: terminal, columns, rows });
  return { err: new Output(stream, env), stream, said: () => String(stream.read() ?? "") };
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

test("a line is never as wide as the terminal, whatever the letters, and a name is left of it", () => {
  for (const columns of [20, 24, 39, 40, 60, 200]) {
    for (const name of ["x".repeat(100), "\u6f22".repeat(100), "e\u0301".repeat(100)]) {
      const { err, said } = screen(true, { columns });
      using progress = startProgress({ err, quiet: false, now: () => 0 });
      progress.onChange(view([{ ...fetching, name }]));
      const line = said().trimEnd();
      assert.ok(textWidth(line) < columns, `${columns}: ${line}`);
      assert.ok(line.startsWith(`> ${name.slice(0, 2)}`), line);
    }
  }
});

test("no more stages are drawn than can be drawn over", () => {
  const { err, said } = screen(true, { rows: 3 });
  using progress = startProgress({ err, quiet: false, now: () => 0 });
  progress.onChange(view([fetched, fetched, fetched, making]));
  assert.equal(said().split("\n").length - 1, 2);
  progress.done("all");
  assert.ok(said().startsWith("\x1b[2A\r\x1b[J"));
});

test("lines that a narrower terminal has broken are drawn over too", () => {
  const { err, stream, said } = screen(true, { columns: 60 });
  using progress = startProgress({ err, quiet: false, now: () => 0 });
  progress.onChange(view([{ ...fetching, name: "make file system" }]));
  said();
  Object.assign(stream, { columns: 20 });
  progress.done("all");
  assert.equal(said(), "\x1b[3A\r\x1b[Jall in 0 ms\n");
});

test("a terminal that can not draw over gets a line for each stage", () => {
  const { err, said } = screen(true, {}, { TERM: "dumb" });
  using progress = startProgress({ err, quiet: false, now: () => 0 });
  progress.onChange(view([fetched, making]));
  progress.done("all");
  assert.equal(said(), "banger: fetch\\x1b[2J\nbanger: make file system\nbanger: all in 0 ms\n");
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
  assert.equal(said(), "> boot                           0 ms  waited 10 s of 18...\n");
});

test("quiet is quiet", () => {
  const { err, said } = screen(true);
  using progress = startProgress({ err, quiet: true, now: () => 0 });
  progress.onChange(view([fetching]));
  progress.done("all");
  assert.equal(said(), "");
});
