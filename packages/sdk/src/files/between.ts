/**
 * From one machine into another, through here: the first may send anything, so what goes on is only what would be taken out
 * of it onto this host, written anew. Nothing is kept here.
 */
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "../client.ts";
import { type Asked, openAsked } from "./asked.ts";
import { Budget, DEFAULT_LIMITS, type Limits, type OnProgress } from "./budget.ts";
import { putArchive, type Signal } from "./content.ts";
import type { Copied } from "./download.ts";
import { joined, staysBeneath } from "./entry-names.ts";
import { guestLanding } from "./guest-landing.ts";
import { parseGuestPath } from "./guest-path.ts";
import { LeftOut } from "./left-out.ts";
import { END_OF_ARCHIVE, encodeEntry, padding, type TarEntry } from "./tar-header.ts";

export type Between = Signal & {
  readonly from: { readonly ref: string; readonly path: string };
  readonly to: { readonly ref: string; readonly path: string };
  readonly limits?: Limits;
  readonly onProgress?: OnProgress;
};

/** what is gathered before it is sent on, bytes: a header alone is no journey */
const CHUNK_BYTES = 256 << 10;

/** Uses both connections up. */
export async function copyBetween(
  clients: { readonly from: BangerClient; readonly to: BangerClient },
  { from, to, limits = DEFAULT_LIMITS, onProgress, signal }: Between,
): Promise<Copied> {
  refuseItself(from, to);
  await using asked = await openAsked(clients.from, { ref: from.ref, from: from.path, signal });
  const isDirectory = asked.first.kind === "directory";
  const landing = await guestLanding(clients.to, { ref: to.ref, to: to.path, sources: [{ isDirectory }] });
  const budget = new Budget(limits, onProgress);
  const leftOut = new LeftOut();
  const name = landing.name ?? asked.name;
  const source = gathered(members(asked, { name, budget, leftOut }));
  await putArchive(clients.to, { ref: to.ref, directory: landing.directory }, { source, signal });
  return { entries: budget.entries, bytes: budget.bytes, leftOut: leftOut.view() };
}

/** What is written there would be read again. */
function refuseItself(from: Between["from"], to: Between["to"]): void {
  const [source, target] = [parseGuestPath(from.path).path, parseGuestPath(to.path).path];
  if (from.ref !== to.ref || !`${target}/`.startsWith(source === "/" ? source : `${source}/`)) return;
  throw new AppError("USAGE", `${from.ref}:${source} can not be copied into itself`, { facts: { ref: from.ref } });
}

type Rewriting = { readonly name: string | undefined; readonly budget: Budget; readonly leftOut: LeftOut };

async function* members(asked: Asked, { name, budget, leftOut }: Rewriting): AsyncGenerator<Buffer> {
  const top = name === undefined ? [] : [Buffer.from(name)];
  const renamed = (entryName: Buffer) => joined([...top, ...asked.below(entryName)]);
  for (let entry: TarEntry | undefined = asked.first; entry; entry = await asked.reader.next()) {
    const path = renamed(entry.name);
    budget.take(entry);
    if (entry.mode & 0o6000 && entry.kind !== "other") leftOut.add("set-uid bit", entry.name);
    const depth = asked.below(entry.name).length - 1;
    const out = entry.kind === "symlink" && !staysBeneath(entry.link, depth);
    if (out || entry.kind === "other") {
      leftOut.add(out ? "link that leads out" : "device or pipe", entry.name);
      budget.leftOut();
    } else if (path.length > 0) yield encodeEntry(written(entry, path, renamed));
    if (entry.kind !== "file") continue;
    for await (const piece of asked.reader.content()) {
      budget.wrote(piece.length);
      yield piece;
    }
    yield Buffer.alloc(padding(entry.size));
  }
}

function written(entry: TarEntry, path: Buffer, renamed: (name: Buffer) => Buffer): TarEntry {
  const name = entry.kind === "directory" ? Buffer.concat([path, Buffer.from("/")]) : path;
  const link = entry.kind === "hardlink" ? renamed(entry.link) : entry.link;
  return { ...entry, name, link, mode: entry.mode & 0o777 };
}

async function* gathered(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    held.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  yield Buffer.concat([...held, END_OF_ARCHIVE]);
}
