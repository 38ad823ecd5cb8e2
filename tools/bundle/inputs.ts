/** Remembers what a build was made of, and tells whether that is still what lies there. */
import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { SourceState } from "./source-state.ts";

export type BuildInputs = {
  readonly version: string;
  readonly commit: string;
  readonly agent: string;
  readonly outputs: readonly string[];
  /** path from the root of the checkout to SHA-256 in hex */
  readonly files: { readonly [path: string]: string };
};

export async function recordInputs(
  root: string,
  { files, source, outputs }: { files: Iterable<string>; source: SourceState; outputs: readonly string[] },
): Promise<BuildInputs> {
  const digests = await Promise.all([...files].map(async (file) => [file, await digest(join(root, file))] as const));
  const { version, commit, agent } = source;
  return { version, commit, agent, outputs, files: Object.fromEntries(digests) };
}

export async function sameInputs(
  root: string,
  { recorded, source }: { recorded: BuildInputs; source: SourceState },
): Promise<boolean> {
  if (recorded.version !== source.version || recorded.commit !== source.commit) return false;
  if (recorded.agent !== source.agent) return false;
  try {
    await Promise.all(recorded.outputs.map((output) => access(join(root, output))));
    const entries = Object.entries(recorded.files);
    const same = await Promise.all(entries.map(async ([file, was]) => (await digest(join(root, file))) === was));
    return same.every(Boolean);
  } catch {
    return false; // a file that went away is a change
  }
}

async function digest(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
