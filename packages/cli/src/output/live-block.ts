/** Lines at a terminal that are written anew in the same place. Nothing of the terminal is changed that would have to be restored. */
import type { Output } from "./output.ts";
import { cutText, textWidth } from "./text-width.ts";

export type LiveBlock = {
  /** replaces what was drawn before */
  draw(lines: readonly string[]): void;
  clear(): void;
};

/** What has scrolled away can not be drawn over, so of too many lines the first ones are kept, or the last ones. */
export function liveBlock(out: Output, { keep }: { keep: "first" | "last" }): LiveBlock {
  let drawn: readonly string[] = [];
  const back = () => {
    // A terminal that was made narrower meanwhile has broken our lines.
    const rows = drawn.reduce((sum, line) => sum + Math.max(1, Math.ceil(textWidth(line) / out.columns)), 0);
    drawn = [];
    return rows === 0 ? "" : `\x1b[${rows}A\r\x1b[J`;
  };
  return {
    draw(lines) {
      const room = Math.max(1, out.rows - 1);
      const shown = (keep === "first" ? firstOf(lines, room) : lines.slice(-room)).map((line) =>
        cutText(line, out.columns - 1),
      );
      out.write(back() + shown.map((line) => `${line}\n`).join(""));
      drawn = shown;
    },
    clear: () => out.write(back()),
  };
}

function firstOf(lines: readonly string[], room: number): readonly string[] {
  return lines.length <= room ? lines : [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more`];
}
