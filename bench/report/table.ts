/** The rows as people read them. */
import { type Row, verdictOf } from "../measurement.ts";
import { quantile } from "./quantile.ts";

const HEADS = ["MEASUREMENT", "P50", "P95", "N", "FAILED", "TARGET", "VERDICT"];

export function formatTable(rows: readonly Row[]): string {
  const lines = [HEADS, ...rows.map(cells)];
  const widths = HEADS.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) => `${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")}`.trimEnd())
    .join("\n");
}

export function formatBoundaries(rows: readonly Row[]): string {
  return rows.map(({ name, boundary }) => `${name}: ${boundary}`).join("\n");
}

/** Each reason once, with how often it came. */
export function formatFailures(rows: readonly Row[]): string {
  const lines = rows.flatMap(({ name, failures }) =>
    [...Map.groupBy(failures, (why) => why)].map(([why, times]) => `${name}: failed ${times.length} times: ${why}\n`),
  );
  return lines.length === 0 ? "" : `\n${lines.join("")}`;
}

function cells(row: Row): string[] {
  const { name, unit, values, failures, target } = row;
  const shown = (share: number) => (values.length === 0 ? "-" : `${quantile(values, share).toFixed(1)} ${unit}`);
  const limit = target ? `${target.is} ${target.limit.toFixed(1)} ${unit} (${target.of}): ${target.text}` : "";
  return [name, shown(0.5), shown(0.95), String(values.length), String(failures.length), limit, verdictOf(row)];
}
