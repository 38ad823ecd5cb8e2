/** Copying into a machine: where the copy goes, by the rules of cp and docker. */
import { realpath, stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { BangerClient } from "../client.ts";
import type { OnProgress, OnTotal } from "./budget.ts";
import { putArchive, putFile, type Signal, type Source } from "./content.ts";
import type { Copied } from "./download.ts";
import { guestKind, guestLanding, noGuestDirectory } from "./guest-landing.ts";
import { parseGuestPath } from "./guest-path.ts";
import { notCopied, unreadable } from "./host-error.ts";
import { LeftOut } from "./left-out.ts";
import { measure } from "./measure.ts";
import { type PackSource, pack } from "./pack.ts";

export type Upload = Signal & {
  readonly ref: string;
  /** on the host */
  readonly from: readonly string[];
  /** in the machine */
  readonly to: string;
  readonly onProgress?: OnProgress;
  /** called once it is known, which may be never */
  readonly onTotal?: OnTotal | undefined;
};

/** Uses the connection up. */
export async function upload(client: BangerClient, options: Upload): Promise<Copied> {
  const { ref, to, signal, onProgress, onTotal } = options;
  const sources = await Promise.all(options.from.map(describe));
  const { directory, name } = await guestLanding(client, { ref, to, sources });
  const packed = sources.map((source): PackSource => {
    const named = name ?? (source.contents ? "" : source.name);
    return { path: Buffer.from(source.path), name: Buffer.from(named), deep: true, follow: true };
  });
  const over = new AbortController();
  if (onTotal) measure(packed, over).then(onTotal, () => undefined); // what can not be read the copy itself tells
  try {
    return await putPacked(client, { ref, directory, sources: packed, signal, onProgress });
  } finally {
    over.abort();
  }
}

/** What was chosen, under the names that it was given. */
export async function putPacked(
  client: BangerClient,
  options: Signal & {
    ref: string;
    directory: string;
    sources: Iterable<PackSource>;
    onProgress?: OnProgress | undefined;
  },
): Promise<Copied> {
  const { ref, directory, sources, signal, onProgress } = options;
  const leftOut = new LeftOut();
  const done = { entries: 0, bytes: 0 };
  const count: OnProgress = ({ entries, bytes }) => {
    done.entries = entries;
    done.bytes = bytes;
    onProgress?.(done);
  };
  await putArchive(
    client,
    { ref, directory },
    { source: pack(sources, { leftOut, signal, onProgress: count }), signal },
  );
  return { ...done, leftOut: leftOut.view() };
}

/** A stream into a file; into a directory it is an archive to be unpacked there. */
export async function uploadStream(
  client: BangerClient,
  { ref, to, source, signal }: Signal & { ref: string; to: string; source: Source },
): Promise<Copied> {
  const { path, asDirectory } = parseGuestPath(to);
  const kind = await guestKind(client, { ref, path });
  if (asDirectory && kind !== "directory") throw noGuestDirectory(ref, path);
  const { entries, bytes } =
    kind === "directory"
      ? await putArchive(client, { ref, directory: path }, { source, signal })
      : await putFile(client, { ref, path }, { source, signal });
  return { entries, bytes, leftOut: [] };
}

type Described = {
  readonly path: string;
  readonly name: string;
  readonly contents: boolean;
  readonly isDirectory: boolean;
};

async function describe(path: string): Promise<Described> {
  try {
    const contents = path === "." || path.endsWith("/.");
    const stats = await stat(path);
    const isDirectory = stats.isDirectory();
    if (!isDirectory && !stats.isFile())
      throw notCopied(path, "`banger cp - MACHINE:PATH` takes what it gives as input.");
    if (isDirectory) return { path, contents, isDirectory, name: basename(contents ? path : await nameOf(path)) };
    return { path, contents: false, isDirectory, name: basename(path) };
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** `..` and `/` have names only once they are resolved. */
async function nameOf(path: string): Promise<string> {
  return basename(path) === ".." ? await realpath(path) : resolve(path);
}
