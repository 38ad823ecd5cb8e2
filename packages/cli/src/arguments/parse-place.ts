/** Where a copy comes from or goes to: `MACHINE:PATH`, a path on this host, or `-` for a standard stream. */
import { AppError } from "@banger/contract/errors";
import type { Ref } from "@banger/contract/ids";
import { parseRef } from "./parse-ref.ts";

export type Place =
  | { readonly kind: "machine"; readonly ref: Ref; readonly path: string }
  | { readonly kind: "host"; readonly path: string }
  | { readonly kind: "stream" };

/** A colon makes a machine of what stands before it, unless that holds a slash: `./a:b` is a file. */
export function parsePlace(text: string): Place {
  if (text === "-") return { kind: "stream" };
  if (text === "" || text.includes("\0")) throw new AppError("USAGE", "an empty path can not be copied");
  const [, ref, path = ""] = /^([^/:]*):(.*)$/s.exec(text) ?? [];
  if (ref === undefined) return { kind: "host", path: text };
  return { kind: "machine", ref: parseRef(ref), path };
}
