/** The candidate that somebody who mistyped most likely meant. */

const MAX_EDITS = 2;

export function closestName(typed: string, candidates: readonly string[]): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of candidates) {
    const edits = editsBetween(typed, name);
    if (edits <= MAX_EDITS && edits < name.length && (best === undefined || edits < best.edits)) best = { name, edits };
  }
  return best?.name ?? candidates.find((name) => typed.length > 2 && name.includes(typed));
}

/** Insertions, removals and replacements that make one word of the other. */
function editsBetween(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, left] of [...a].entries()) {
    const current = [row + 1];
    for (const [column, right] of [...b].entries()) {
      const replaced = (previous[column] ?? 0) + (left === right ? 0 : 1);
      current.push(Math.min(replaced, (previous[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    previous = current;
  }
  return previous.at(-1) ?? 0;
}
