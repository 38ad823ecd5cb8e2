/** Copying out of a machine: where the copy goes, by the rules of cp and docker, and that nothing else is touched. */
import { stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "../client.ts";
import { Budget, DEFAULT_LIMITS, type Limits, type OnProgress } from "./budget.ts";
import { openArchive, type Signal } from "./content.ts";
import { type Names, namesOf, shown } from "./entry-names.ts";
import { extract } from "./extract.ts";
import { parseGuestPath, splitGuestPath } from "./guest-path.ts";
import { unwritable } from "./host-error.ts";
import { LeftOut, type LeftOutView } from "./left-out.ts";
import { unsafe } from "./tar-decode.ts";
import type { TarEntry } from "./tar-header.ts";
import { TarReader } from "./tar-reader.ts";

export type Copied = { readonly entries: number; readonly bytes: number; readonly leftOut: readonly LeftOutView[] };
export type Download = Signal & {
  readonly ref: string;
  /** in the machine */
  readonly from: string;
  /** on the host */
  readonly to: string;
  readonly limits?: Limits;
  readonly onProgress?: OnProgress;
};

/** Uses the connection up. */
export async function download(client: BangerClient, options: Download): Promise<Copied> {
  const { ref, from, to, signal } = options;
  const { path, contents, asDirectory } = parseGuestPath(from);
  const { directory, name } = splitGuestPath(path);
  const asked = contents ? { ref, directory: path, members: [] } : { ref, directory, members: [name] };
  await using content = await openArchive(client, asked, options);
  const reader = new TarReader(content.bytes);
  const first = await reader.next();
  if (!first) throw unsafe("it is empty");
  const source = contents ? [] : [Buffer.from(name)];
  if (!within(first, source)) throw unsafe(`it begins with ${shown(first.name)}, which was not asked for`);
  if (asDirectory && first.kind !== "directory") throw notADirectory(`${ref}:${path}`);
  const target = await landing({ to, name: contents ? undefined : name, isDirectory: first.kind === "directory" });
  const budget = new Budget(options.limits ?? DEFAULT_LIMITS, options.onProgress);
  const leftOut = new LeftOut();
  const place = (entryName: Buffer): Names => [...target.names, ...below(namesOf(entryName), { source, entryName })];
  const above = target.names.length;
  await extract(reader, first, { directory: target.directory, place, above, budget, leftOut, signal });
  return { entries: budget.entries, bytes: budget.bytes, leftOut: leftOut.view() };
}

function within({ name }: TarEntry, source: Names): boolean {
  const names = namesOf(name);
  return names.length === source.length && names.every((one, index) => source[index]?.equals(one));
}

function below(names: Names, { source, entryName }: { source: Names; entryName: Buffer }): Names {
  const [wanted] = source;
  if (wanted && !names[0]?.equals(wanted)) throw unsafe(`it holds ${shown(entryName)}, which was not asked for`);
  return names.slice(source.length);
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
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw unwritable(path, error);
  }
}

function notADirectory(path: string): AppError {
  return new AppError("FILE_UNWRITABLE", `${path} is not a directory`, { facts: { path } });
}
