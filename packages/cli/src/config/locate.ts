/**
 * Where each key of a TOML text stands: the parser tells positions of mistakes in syntax only. The text is cut into its
 * statements by asking the parser which of its lines can stand alone, so there is no second idea of what TOML is.
 */
import { parse } from "smol-toml";

export type Position = { readonly line: number; readonly column: number };

/** a table and what is in it: nothing that can be configured lies deeper */
const MAX_DEPTH = 2;
/** each line of a value costs one more attempt at it */
const MAX_VALUE_LINES = 100;

/** A value has more lines than any that is meant has. */
export class ValueTooLong extends Error {
  override readonly name = "ValueTooLong";
  readonly position: Position;

  constructor(line: number) {
    super(`a value has more than ${MAX_VALUE_LINES} lines`);
    this.position = { line, column: 1 };
  }
}

/** By dotted path, down to the entries of a table; of a table where it is named first. The text must be valid. */
export function locateKeys(text: string): ReadonlyMap<string, Position> {
  const found = new Map<string, Position>();
  let table: readonly string[] = [];
  for (const { content, line } of statements(text)) {
    const parsed = parse(content);
    const isHeader = content.trimStart().startsWith("[");
    const paths = pathsOf(parsed, isHeader ? [] : table.slice(0, MAX_DEPTH));
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
    if (!canStandAlone(content)) {
      if (end - start >= MAX_VALUE_LINES) throw new ValueTooLong(start + 1);
      continue;
    }
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
  if (path.length === MAX_DEPTH) return [];
  if (Array.isArray(value)) return value.flatMap((one) => pathsOf(one, path));
  if (typeof value !== "object" || value === null || value instanceof Date) return [];
  return Object.entries(value).flatMap(([key, inner]) => [[...path, key], ...pathsOf(inner, [...path, key])]);
}

function positionIn(content: string, { at, line }: { at: number; line: number }): Position {
  const before = content.slice(0, at).split("\n");
  return { line: line + before.length - 1, column: (before.at(-1)?.length ?? 0) + 1 };
}
