/** Headers that concern one connection only; the rest goes through as it was written, in order, repeats and all. */

const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export type RawHeaders = readonly string[];

/** Names and values in turn, without those of the connection, those that it names, and `besides`. */
export function endToEnd(raw: RawHeaders, besides: readonly string[] = []): string[] {
  const dropped = new Set([...HOP_BY_HOP, ...besides, ...namedByConnection(raw)]);
  return pairs(raw).flatMap(([name, value]) => (dropped.has(name.toLowerCase()) ? [] : [name, value]));
}

/** All values of a header. */
export function valuesOf(raw: RawHeaders, wanted: string): readonly string[] {
  return pairs(raw).flatMap(([name, value]) => (name.toLowerCase() === wanted ? [value] : []));
}

/** A request cannot have its own framing or address called a matter of this connection. */
const NOT_TO_BE_NAMED = new Set(["host", "content-length"]);

function namedByConnection(raw: RawHeaders): readonly string[] {
  const names = valuesOf(raw, "connection").flatMap((value) => value.split(","));
  return names.map((name) => name.trim().toLowerCase()).filter((name) => !NOT_TO_BE_NAMED.has(name));
}

function pairs(raw: RawHeaders): (readonly [string, string])[] {
  return Array.from({ length: raw.length >> 1 }, (_, at) => [raw[2 * at] ?? "", raw[2 * at + 1] ?? ""] as const);
}
