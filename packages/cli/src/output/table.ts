/** Columns of text, as wide as their content. Cells are made printable here, whoever they came from. */
import { sanitize } from "@banger/contract/guest-text";

const GAP = 2;
const MAX_CELL = 200;

export function formatTable(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [heads, ...rows.map((row) => row.map((cell) => sanitize(cell, { max: MAX_CELL })))];
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) => row.map((cell, column) => cell.padEnd((widths[column] ?? 0) + GAP)).join(""))
    .map((line) => `${line.trimEnd()}\n`)
    .join("");
}

/** One thing, a line for each of its properties. */
export function formatProperties(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length)) + 1;
  return rows
    .map(([name, value]) => `${`${name}:`.padEnd(width)} ${sanitize(value, { max: MAX_CELL })}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}
