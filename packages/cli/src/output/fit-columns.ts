/** Which columns of a table fit into a line, and how wide they may be. Pure numbers; what stands in the cells is not known here. */

export type ColumnWidth = {
  /** its widest cell */
  readonly natural: number;
  /** what it can be cut to without losing its sense */
  readonly least: number;
  /** the greater, the sooner it is cut, and left out; 0 is never left out */
  readonly rank: number;
};

/** Widths by column; 0 for one that is left out. */
export function fitColumns(columns: readonly ColumnWidth[], { width, gap }: { width: number; gap: number }): number[] {
  const shown = columns.map((_, index) => index);
  const least = () => sum(shown.map((index) => columns[index]?.least ?? 0)) + gap * (shown.length - 1);
  for (const index of byRank(columns)) {
    if (least() <= width || columns[index]?.rank === 0) break;
    shown.splice(shown.indexOf(index), 1);
  }
  const widths = columns.map(({ natural }, index) => (shown.includes(index) ? natural : 0));
  let excess = sum(widths) + gap * (shown.length - 1) - width;
  for (const index of byRank(columns)) {
    if (excess <= 0 || !shown.includes(index)) continue;
    const { natural = 0, least: floor = 0 } = columns[index] ?? {};
    const given = Math.min(excess, natural - floor);
    widths[index] = natural - given;
    excess -= given;
  }
  return widths;
}

/** The least important one first; of equals the one on the right. */
function byRank(columns: readonly ColumnWidth[]): number[] {
  const indexes = columns.map((_, index) => index);
  return indexes.sort((a, b) => (columns[b]?.rank ?? 0) - (columns[a]?.rank ?? 0) || b - a);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
