/** What was asked of a machine, as its archive gives it: whatever else it holds ends the copy. */
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "../client.ts";
import { openArchive, type Signal } from "./content.ts";
import { type Names, namesOf, shown } from "./entry-names.ts";
import { parseGuestPath, splitGuestPath } from "./guest-path.ts";
import { notCopied } from "./host-error.ts";
import { unsafe } from "./tar-decode.ts";
import type { TarEntry } from "./tar-header.ts";
import { TarReader } from "./tar-reader.ts";

export type Asked = AsyncDisposable & {
  readonly reader: TarReader;
  /** read already: what was named */
  readonly first: TarEntry;
  /** undefined when the contents of a directory alone are meant */
  readonly name: string | undefined;
  /** names of an entry beneath what was named; throws ARCHIVE_UNSAFE for what was not asked for */
  readonly below: (entryName: Buffer) => Names;
};

/** Uses the connection up. */
export async function openAsked(
  client: BangerClient,
  { ref, from, signal }: Signal & { readonly ref: string; readonly from: string },
): Promise<Asked> {
  const { path, contents, asDirectory } = parseGuestPath(from);
  const { directory, name } = splitGuestPath(path);
  const params = contents ? { ref, directory: path, members: [] } : { ref, directory, members: [name] };
  const content = await openArchive(client, params, { signal });
  try {
    const reader = new TarReader(content.bytes);
    const source = contents ? [] : [Buffer.from(name)];
    const first = await reader.next();
    if (!first) throw unsafe("it is empty");
    if (!isNamed(first, source)) throw unsafe(`it begins with ${shown(first.name)}, which was not asked for`);
    if (first.kind === "other") throw notCopied(`${ref}:${path}`, "`banger cp MACHINE:PATH -` prints what it gives.");
    if (asDirectory && first.kind !== "directory") throw notADirectory(`${ref}:${path}`);
    const below = (entryName: Buffer) => beneath(namesOf(entryName), { source, entryName });
    const dispose = () => content[Symbol.asyncDispose]();
    return { reader, first, name: contents ? undefined : name, below, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await content[Symbol.asyncDispose]();
    throw error;
  }
}

function isNamed({ name }: TarEntry, source: Names): boolean {
  const names = namesOf(name);
  return names.length === source.length && names.every((one, index) => source[index]?.equals(one));
}

function beneath(names: Names, { source, entryName }: { source: Names; entryName: Buffer }): Names {
  const [wanted] = source;
  if (wanted && !names[0]?.equals(wanted)) throw unsafe(`it holds ${shown(entryName)}, which was not asked for`);
  return names.slice(source.length);
}

export function notADirectory(path: string): AppError {
  return new AppError("FILE_UNWRITABLE", `${path} is not a directory`, { facts: { path } });
}
