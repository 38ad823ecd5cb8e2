/**
 * Where each key of a TOML text stands: the parser tells positions of mistakes in syntax only. The text is cut into its
 * statements by asking the parser which of its lines can stand alone, so there is no second idea of what TOML is.
 */
import { parse } from "smol-toml";

export type Position = { readonly line: number; readonly column: number };

/** By dotted path; of a table where it is named first. The text must be valid. */
export function locateKeys(text: string): ReadonlyMap<string, Position> {
  const found = new Map<string, Position>();
  let table: readonly string[] = [];
  for (const { content, line } of statements(text)) {
    const parsed = parse(content);
    const isHeader = content.trimStart().startsWith("[");
    const paths = pathsOf(parsed, isHeader ? [] : table);
    if (isHeader) table = paths.at(-1) ?? [];
    let from = 0;
    for (const path of paths) {
      const at = content.indexOf(path.at(-1) ?? "", from);
      if (at >= 0) from = at;
      const name = path.join(".");
      if (!found.has(name)) found.set(name, positionIn(content, { at: Math.max(at, from), line }));
    }
  }
  return found;
}

/** Lines that parse together and not before: a value may span several of them. */
function* statements(text: string): Generator<{ content: string; line: number }> {
  const lines = text.split(/(?<=\n)/);
  let start = 0;
  for (let end = 0; end < lines.length; end += 1) {
    const content = lines.slice(start, end + 1).join("");
    if (!canStandAlone(content)) continue;
    if (!/^\s*(?:#|$)/.test(content)) yield { content, line: start + 1 };
    start = end + 1;
  }
}

function canStandAlone(content: string): boolean {
  try {
    parse(content);
    return true;
  } catch {
    return false; // the value goes on in the next line
  }
}

/** Outer tables before what is in them, in the order of the text. */
function pathsOf(value: unknown, path: readonly string[]): (readonly string[])[] {
  if (Array.isArray(value)) return value.flatMap((one) => pathsOf(one, path));
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...pathsOf(inner, [...path, key])]);
}

function positionIn(content: string, { at, line }: { at: number; line: number }): Position {
  const before = content.slice(0, at).split("\n");
  return { line: line + before.length - 1, column: (before.at(-1)?.length ?? 0) + 1 };
}
