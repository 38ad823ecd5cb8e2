/** Copying out of a machine: where the copy goes, by the rules of cp and docker, and that nothing else is touched. */
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { AppError } from "@banger/contract/errors";
import { isMissing } from "@banger/platform/fs/errno";
import type { BangerClient } from "../client.ts";
import { notADirectory, openAsked } from "./asked.ts";
import { Budget, DEFAULT_LIMITS, type Limits, type OnProgress, type OnTotal } from "./budget.ts";
import type { Signal } from "./content.ts";
import type { Names } from "./entry-names.ts";
import { extract } from "./extract.ts";
import { unwritable } from "./host-error.ts";
import { LeftOut, type LeftOutView } from "./left-out.ts";

export type Copied = { readonly entries: number; readonly bytes: number; readonly leftOut: readonly LeftOutView[] };
export type Download = Signal & {
  readonly ref: string;
  /** in the machine */
  readonly from: string;
  /** on the host */
  readonly to: string;
  readonly limits?: Limits;
  readonly onProgress?: OnProgress;
  /** called if it is known: of a file */
  readonly onTotal?: OnTotal | undefined;
};

/** Uses the connection up. */
export async function download(client: BangerClient, options: Download): Promise<Copied> {
  const { ref, from, to, signal } = options;
  await using asked = await openAsked(client, { ref, from, signal });
  const { first, name } = asked;
  if (first.kind === "file") options.onTotal?.({ entries: 1, bytes: first.size });
  const target = await landing({ to, name, isDirectory: first.kind === "directory" });
  const budget = new Budget(options.limits ?? DEFAULT_LIMITS, options.onProgress);
  const leftOut = new LeftOut();
  const place = (entryName: Buffer): Names => [...target.names, ...asked.below(entryName)];
  const above = target.names.length;
  await extract(asked.reader, first, { directory: target.directory, place, above, budget, leftOut, signal });
  return { entries: budget.entries, bytes: budget.bytes, leftOut: leftOut.view() };
}

type Landing = { readonly directory: string; readonly names: Names };

async function landing(copy: { to: string; name: string | undefined; isDirectory: boolean }): Promise<Landing> {
  const { to, name, isDirectory } = copy;
  const there = await look(to);
  if (there === "directory") return { directory: to, names: name === undefined ? [] : [Buffer.from(name)] };
  if (there === "file" && isDirectory) throw notADirectory(to);
  if (there === undefined && to.endsWith("/") && !isDirectory) {
    throw new AppError("FILE_UNWRITABLE", `there is no directory ${to}`, { facts: { path: to } });
  }
  if (to === "") throw new AppError("USAGE", "there is no path to copy to");
  return { directory: dirname(to), names: [Buffer.from(basename(to))] };
}

async function look(path: string): Promise<"directory" | "file" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "directory" : "file";
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw unwritable(path, error);
  }
}
