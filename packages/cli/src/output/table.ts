/**
 * Columns of text, as wide as their content and no wider than the terminal; where there is none, nothing is cut, for a program
 * reads it. Cells are made printable here, whoever they came from.
 */
import { sanitize } from "@banger/contract/guest-text";
import { fitColumns } from "./fit-columns.ts";
import { cutText, padText, textWidth, wrapText } from "./text-width.ts";

export type Column = {
  readonly head: string;
  /** the greater, the sooner it is cut where space is short, and left out; 0 is never left out */
  readonly rank: number;
  /** columns below which it would lose its sense (default: 8, and its head) */
  readonly least?: number;
};

/** Where text goes to, as far as its width is concerned. */
export type Screen = {
  /** columns; none where there is no terminal */
  readonly width: number | undefined;
};

/** least of a column of which a part would mislead: it is shown whole or not at all */
export const WHOLE = Number.POSITIVE_INFINITY;

const GAP = 2;
const LEAST = 8;
const MAX_CELL = 200;

export function formatTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { width = Number.POSITIVE_INFINITY }: Screen,
): string {
  const cells = [columns.map(({ head }) => head), ...rows.map((row) => row.map(printable))];
  const widths = fitColumns(
    columns.map(({ head, rank, least = LEAST }, index) => {
      const natural = Math.max(...cells.map((row) => textWidth(row[index] ?? "")));
      return { natural, least: Math.min(natural, Math.max(head.length, least)), rank };
    }),
    { width, gap: GAP },
  );
  return cells
    .map((row) => widths.flatMap((columns, index) => (columns === 0 ? [] : [fill(row[index] ?? "", columns)])))
    .map((row) => `${row.join(" ".repeat(GAP)).trimEnd()}\n`)
    .join("");
}

function fill(cell: string, width: number): string {
  return padText(cutText(cell, width), width);
}

/** One thing, a line for each of its properties, or several where it is long. */
export function formatProperties(rows: readonly (readonly [string, string])[], { width }: Screen): string {
  const indent = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows
    .map(([name, value]) => `${`${name}:`.padEnd(indent)}${wrapText(printable(value), { width, indent })}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

function printable(text: string): string {
  return sanitize(text, { max: MAX_CELL });
}
