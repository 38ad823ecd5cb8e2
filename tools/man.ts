/** Writes the manual pages of all commands; `man -M build/man banger` shows them. Part of the build. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { manPages } from "../packages/cli/src/program/man-page.ts";

/** Below `directory`, in place of those of an older build. */
export async function writeManPages(directory: string, made: { readonly version: string }): Promise<void> {
  const section = join(directory, "man1");
  await rm(section, { recursive: true, force: true });
  await mkdir(section, { recursive: true });
  for (const [name, text] of await manPages(made)) await writeFile(join(section, name), text);
}
