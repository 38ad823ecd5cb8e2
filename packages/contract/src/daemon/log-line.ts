/**
 * What the daemon tells of a log that is followed, line by line beside its bytes. Read without a schema, which the client of
 * a daemon of its own build does without.
 */

/** Where somebody stands in a log: so many bytes into the piece that begins at a place of a part of it. */
export type LogPosition = {
  /** the command that wrote it, or `console` or `vmm` */
  readonly of: string;
  readonly part: string;
  readonly at: number;
  readonly skip: number;
};

/** The bytes from `from` on, counted over the connection, are those at a position, up to the next mark. */
export type LogMark = LogPosition & { readonly from: number };

/** Why there is no more of a log. */
export type LogEnd = { readonly end: "all" | "deleted" };

/** Throws a TypeError for what is neither. */
export function parseLogLine(value: unknown): LogMark | LogEnd {
  if (typeof value !== "object" || value === null) throw new TypeError("what is told of a log is an object");
  const { end, from, of, part, at, skip } = value as Readonly<Record<string, unknown>>;
  if (end === "all" || end === "deleted") return { end };
  if (typeof of !== "string" || typeof part !== "string") throw new TypeError("a mark in a log without a place");
  return { from: offset(from), of, part, at: offset(at), skip: offset(skip) };
}

function offset(value: unknown): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw new TypeError("a mark in a log without its offsets");
}
