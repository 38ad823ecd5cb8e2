/** Ids of content: the same inputs give the same id, on every host and in every release. */
import { createHash } from "node:crypto";
import * as z from "zod";

export const ContentId = z.string().regex(/^[0-9a-z]{12}$/);

export type Canonical = string | number | boolean | null | readonly Canonical[] | { readonly [key: string]: Canonical };

/** 12 of `0-9a-z`, 62 bits of the sha-256 over the inputs as JSON with sorted keys. */
export function contentId(inputs: Canonical): string {
  const digest = createHash("sha256").update(canonicalJson(inputs)).digest();
  return (digest.readBigUInt64BE() % 36n ** 12n).toString(36).padStart(12, "0");
}

export function canonicalJson(value: Canonical): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, field]) => `${JSON.stringify(key)}:${canonicalJson(field)}`).join(",")}}`;
}
