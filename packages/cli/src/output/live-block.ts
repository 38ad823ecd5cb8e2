/** Lines at a terminal that are written anew in the same place. Nothing of the terminal is changed that would have to be restored. */
import type { Output } from "./output.ts";

/** Replaces what it wrote before; what does not fit on the screen is left out. */
export function liveBlock(out: Output, rows: () => number): (text: string) => void {
  let drawn = 0;
  return (text) => {
    const lines = text.split("\n").slice(0, -1);
    const room = Math.max(1, rows() - 1);
    const shown =
      lines.length <= room ? lines : [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more`];
    const clear = drawn > 0 ? `\x1b[${drawn}A\r\x1b[J` : "";
    out.write(`${clear}${shown.map((line) => `${line.slice(0, out.columns - 1)}\n`).join("")}`);
    drawn = shown.length;
  };
}
