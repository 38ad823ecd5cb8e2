/**
 * Columns of text, as wide as their content and no wider than the terminal; where there is none, nothing is cut, for a program
 * reads it. Cells are made printable here, whoever they came from.
 */
import { sanitize } from "@banger/contract/guest-text";
import { fitColumns } from "./fit-columns.ts";
import { cutText, textWidth, wrapText } from "./text-width.ts";
import type { Tone } from "./tone.ts";

export type Column = {
  readonly head: string;
  /** the greater, the sooner it is cut where space is short, and left out; 0 is never left out */
  readonly rank: number;
  /** columns below which it would lose its sense (default: 8, and its head) */
  readonly least?: number;
  /** of what stands in a cell */
  readonly tone?: (cell: string) => Tone | undefined;
};

/** Where text goes to, as far as its looks are concerned. */
export type Screen = {
  /** columns; none where there is no terminal */
  readonly width: number | undefined;
  paint(tone: Tone | undefined, text: string): string;
};

/** least of a column of which a part would mislead: it is shown whole or not at all */
export const WHOLE = Number.POSITIVE_INFINITY;

const GAP = 2;
const LEAST = 8;
/** characters; what a guest says is bounded, not what we do */
const MAX_CELL = 1_000;

export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[], screen: Screen): string {
  const { width = Number.POSITIVE_INFINITY } = screen;
  const cells = [columns.map(({ head }) => head), ...rows.map((row) => row.map(printable))];
  const widths = fitColumns(
    columns.map(({ head, rank, least = LEAST }, index) => {
      const natural = Math.max(...cells.map((row) => textWidth(row[index] ?? "")));
      return { natural, least: Math.min(natural, Math.max(head.length, least)), rank };
    }),
    { width, gap: GAP },
  );
  const last = widths.findLastIndex((columns) => columns > 0);
  const show = (row: readonly string[], isHead: boolean) =>
    widths.flatMap((room, index) => {
      if (room === 0) return [];
      const cell = cutText(row[index] ?? "", room);
      const painted = screen.paint(isHead ? undefined : columns[index]?.tone?.(cell), cell);
      return [index === last ? painted : `${painted}${" ".repeat(room - textWidth(cell))}`];
    });
  return cells
    .map(
      (row, index) =>
        `${show(row, index === 0)
          .join(" ".repeat(GAP))
          .trimEnd()}\n`,
    )
    .join("");
}

/** One thing, a line for each of its properties, or several where it is long. */
export function formatProperties(
  rows: readonly (readonly [string, string])[],
  { width }: Pick<Screen, "width">,
): string {
  const indent = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows
    .map(([name, value]) => `${`${name}:`.padEnd(indent)}${wrapText(printable(value), { width, indent })}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

function printable(text: string): string {
  return sanitize(text, { max: MAX_CELL });
}
