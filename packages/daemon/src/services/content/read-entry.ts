/** Reads one directory of a content store; what can not be read is an answer, not a failure. */
import { lstat, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errnoOf } from "@banger/platform/fs/errno";
import * as z from "zod";
import type { CorruptEntry, StoredEntry, StoredManifest } from "./content-store.ts";

export const MANIFEST_FILE = "manifest.json";

export type ReadResult<M> =
  | { readonly is: "whole"; readonly entry: StoredEntry<M> }
  | { readonly is: "corrupt"; readonly entry: CorruptEntry }
  | { readonly is: "absent" };

export async function readEntry<M extends StoredManifest>(
  dir: string,
  options: { id: string; schema: z.ZodType<M> },
): Promise<ReadResult<M>> {
  const corrupt = (reason: string): ReadResult<M> => ({ is: "corrupt", entry: { id: options.id, dir, reason } });
  let text: string;
  try {
    text = await readFile(join(dir, MANIFEST_FILE), "utf8");
  } catch (error) {
    const code = errnoOf(error) ?? "unknown";
    if (code === "ENOENT" && !(await exists(dir))) return { is: "absent" };
    return corrupt(`${MANIFEST_FILE} can not be read (${code})`);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return corrupt(`${MANIFEST_FILE} is not JSON`); // SyntaxError: cut short, or overwritten
  }
  const parsed = options.schema.safeParse(json);
  if (!parsed.success) return corrupt(`${MANIFEST_FILE}: ${z.prettifyError(parsed.error)}`);
  if (parsed.data.id !== options.id) return corrupt(`${MANIFEST_FILE} names ${parsed.data.id}, not ${basename(dir)}`);
  return { is: "whole", entry: { manifest: parsed.data, dir } };
}

async function exists(dir: string): Promise<boolean> {
  return await lstat(dir).then(
    () => true,
    () => false,
  );
}
