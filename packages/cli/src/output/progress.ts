/**
 * The stages of an operation on standard error: live on a terminal, one line for each stage elsewhere. Ends before the answer
 * is written, and leaves one line that says how long it all took.
 */
import type { OperationView, Stage } from "@banger/contract/daemon/operation";
import { sanitize } from "@banger/contract/guest-text";
import { formatBytes } from "@banger/contract/sizes";
import type { Output } from "./output.ts";
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
  return options.err.isTty ? liveProgress(options) : plainProgress(options);
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
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) err.write(`\x1b[${drawn}A\r\x1b[J`);
    drawn = 0;
  };
  const draw = () => {
    const elapsed = now() - begun;
    const lines = stages.map((stage) => stageLine(stage, elapsed).slice(0, err.columns - 1));
    clear();
    err.write(lines.map((line) => `${line}\n`).join(""));
    drawn = lines.length;
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
      clear();
      stages = [];
      err.line(`${what} in ${formatDuration(now() - begun)}`);
    },
    [Symbol.dispose]() {
      clearInterval(timer);
    },
  };
}

function stageLine({ name, startMs, durationMs, doneBytes, totalBytes, note }: Stage, elapsed: number): string {
  const bytes =
    doneBytes === undefined
      ? ""
      : `  ${formatBytes(doneBytes)}${totalBytes === undefined ? "" : ` of ${formatBytes(totalBytes)}`}`;
  const noted = note === undefined || durationMs !== null ? "" : `  ${sanitize(note)}`;
  const time = durationMs ?? Math.max(0, elapsed - startMs);
  return `${durationMs === null ? ">" : " "} ${sanitize(name).padEnd(24)} ${formatDuration(time).padStart(10)}${bytes}${noted}`;
}
