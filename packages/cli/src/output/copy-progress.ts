/** How far a copy is, on standard error: one line that is drawn over on a terminal, nothing elsewhere until it has ended. */
import { formatBytes } from "@banger/contract/sizes";
import type { LeftOutView } from "@banger/sdk/files/left-out";
import type { Output } from "./output.ts";
import { cutText } from "./text-width.ts";
import { formatDuration } from "./time.ts";

type Done = { readonly entries: number; readonly bytes: number };

export type CopyProgress = Disposable & {
  readonly onProgress: (done: Done) => void;
  /** takes how much it will be; absent where nobody would see it */
  readonly onTotal: ((total: Done) => void) | undefined;
  /** replaces what was drawn */
  done(what: Done & { readonly leftOut: readonly LeftOutView[] }): void;
};

type Options = { readonly err: Output; readonly quiet: boolean; readonly now: () => number };

const TICK_MS = 100;

export function startCopyProgress({ err, quiet, now }: Options): CopyProgress {
  const begun = now();
  let drawnAt = begun;
  let drawn = false;
  let total: Done | undefined;
  const clear = () => {
    if (drawn) err.write("\r\x1b[K");
    drawn = false;
  };
  return {
    onProgress(done) {
      if (quiet || !err.isLive || now() - drawnAt < TICK_MS) return;
      drawnAt = now();
      clear();
      err.write(cutText(total ? amountOf(done, total) : amount(done), err.columns - 1));
      drawn = true;
    },
    onTotal:
      quiet || !err.isLive
        ? undefined
        : (known) => {
            total = known;
          },
    done({ leftOut, ...done }) {
      clear();
      if (!quiet) err.line(`banger: copied ${amount(done)} in ${formatDuration(now() - begun)}`);
      for (const line of leftOutLines(leftOut)) err.line(`banger: ${line}`);
    },
    [Symbol.dispose]: clear,
  };
}

/** What was not copied, or not as it was, is told even where progress is not. */
function leftOutLines(leftOut: readonly LeftOutView[]): string[] {
  return leftOut.map(({ what, count, first }) => {
    const change = what.startsWith("set-uid") ? "dropped" : what.includes("changed") ? "note" : "left out";
    return count === 1 ? `${change}: ${what}: ${first}` : `${change}: ${what}: ${first} and ${count - 1} more`;
  });
}

function amountOf(done: Done, total: Done): string {
  return `${done.entries} of ${files(total.entries)}, ${formatBytes(done.bytes)} of ${formatBytes(total.bytes)}`;
}

function amount({ entries, bytes }: Done): string {
  return `${files(entries)}, ${formatBytes(bytes)}`;
}

function files(count: number): string {
  return `${count} ${count === 1 ? "file" : "files"}`;
}
