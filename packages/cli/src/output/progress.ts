/**
 * The stages of an operation on standard error: live on a terminal that can do so, one line for each stage elsewhere. Ends before the answer
 * is written, and leaves one line that says how long it all took.
 */
import type { OperationView, Stage } from "@banger/contract/daemon/operation";
import { sanitize } from "@banger/contract/guest-text";
import { formatBytes } from "@banger/contract/sizes";
import { liveBlock } from "./live-block.ts";
import type { Output } from "./output.ts";
import { cutText, padText } from "./text-width.ts";
import { formatDuration } from "./time.ts";

export type Progress = Disposable & {
  readonly onChange: (view: OperationView) => void;
  /** what it came to; replaces the live stages */
  done(what: string): void;
};

export type ProgressOptions = { readonly err: Output; readonly quiet: boolean; readonly now: () => number };

const TICK_MS = 100;

/** Disposing without `done` leaves the stages as they were when it failed. */
export function startProgress(options: ProgressOptions): Progress {
  if (options.quiet) return { onChange: () => undefined, done: () => undefined, [Symbol.dispose]: () => undefined };
  return options.err.isLive ? liveProgress(options) : plainProgress(options);
}

function plainProgress({ err, now }: ProgressOptions): Progress {
  const begun = now();
  let told = 0;
  let noted = "";
  return {
    onChange({ stages }) {
      for (const { name } of stages.slice(told)) err.line(`banger: ${sanitize(name)}`);
      told = Math.max(told, stages.length);
      const { name = "", note = "" } = stages.at(-1) ?? {};
      if (note !== noted && note !== "") err.line(`banger: ${sanitize(`${name}: ${note}`)}`);
      noted = note;
    },
    done: (what) => err.line(`banger: ${what} in ${formatDuration(now() - begun)}`),
    [Symbol.dispose]: () => undefined,
  };
}

function liveProgress({ err, now }: ProgressOptions): Progress {
  const begun = now();
  let stages: readonly Stage[] = [];
  let changedAt = begun;
  const block = liveBlock(err, { keep: "last" });
  const draw = () => {
    const elapsed = now() - begun;
    block.draw(stages.map((stage) => stageLine(stage, { elapsed, width: err.columns - 1 })));
  };
  const timer = setInterval(draw, TICK_MS);
  return {
    onChange(view) {
      const more = view.stages.length !== stages.length;
      stages = view.stages;
      if (!more && now() - changedAt < TICK_MS) return; // bytes: the next tick shows them
      changedAt = now();
      draw();
    },
    done(what) {
      block.clear();
      stages = [];
      err.line(`${what} in ${formatDuration(now() - begun)}`);
    },
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}

const NAME_WIDTH = 24;
const TIME_WIDTH = 10;
/** of a name, however narrow the terminal */
const LEAST_NAME = 8;

function stageLine(stage: Stage, { elapsed, width }: { elapsed: number; width: number }): string {
  const { name, startMs, durationMs, doneBytes, totalBytes, note } = stage;
  const of = totalBytes === undefined ? "" : ` of ${formatBytes(totalBytes)}`;
  const bytes = doneBytes === undefined ? "" : `  ${formatBytes(doneBytes)}${of}`;
  const noted = note === undefined || durationMs !== null ? "" : `  ${sanitize(note)}`;
  const time = formatDuration(durationMs ?? Math.max(0, elapsed - startMs)).padStart(TIME_WIDTH);
  const room = Math.max(LEAST_NAME, Math.min(NAME_WIDTH, width - TIME_WIDTH - 3));
  const shown = padText(cutText(sanitize(name), room), room);
  return cutText(`${durationMs === null ? ">" : " "} ${shown} ${time}${bytes}${noted}`, width);
}
