/**
 * An archive from a machine into a directory of the host. The guest may have written any bytes: nothing is made but files,
 * directories and links that stay inside, nothing beneath the target is followed, no set-uid bit is kept, and no more is taken
 * than was allowed. A file has its name only when it is whole.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  renameSync,
  rmdirSync,
  rmSync,
  type Stats,
  statfsSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { AppError } from "@banger/contract/errors";
import { formatBytes } from "@banger/contract/sizes";
import { errnoOf } from "@banger/platform/fs/errno";
import { Beneath } from "./beneath.ts";
import type { Budget } from "./budget.ts";
import { beginsWith, joined, type Names, shown, staysBeneath } from "./entry-names.ts";
import { unwritable } from "./host-error.ts";
import type { LeftOut } from "./left-out.ts";
import type { TarEntry } from "./tar-header.ts";
import type { TarReader } from "./tar-reader.ts";

export type ExtractOptions = {
  /** an existing directory, as the user named it */
  readonly directory: string;
  /** where an entry goes, beneath the directory; throws for one that nobody asked for */
  readonly place: (name: Buffer) => Names;
  /** of those names, how many belong to the user's target and not to what is copied */
  readonly above: number;
  readonly budget: Budget;
  readonly leftOut: LeftOut;
  readonly signal: AbortSignal | undefined;
};

/** larger ones are not begun where they do not fit */
const SMALL_BYTES = 1 << 20;

type Made = { readonly names: Names; readonly mode: number; readonly mtimeNs: bigint };

/** From the entry that was read already to the archive's end. */
export async function extract(reader: TarReader, first: TarEntry, options: ExtractOptions): Promise<void> {
  using tree = openTarget(options.directory);
  const extraction = new Extraction(tree, options);
  let entry: TarEntry | undefined = first;
  try {
    for (; entry; entry = await reader.next()) {
      options.signal?.throwIfAborted();
      await extraction.add(entry, reader);
    }
    extraction.leave([]);
  } catch (error) {
    extraction.abandon();
    throw errnoOf(error) === undefined ? error : unwritable(entry ? shown(entry.name) : options.directory, error);
  }
}

function openTarget(directory: string): Beneath {
  try {
    return new Beneath(directory);
  } catch (error) {
    throw unwritable(directory, error);
  }
}

class Extraction {
  readonly #tree: Beneath;
  readonly #options: ExtractOptions;
  /** directories that we are in: an archive lists what is in one right behind it */
  readonly #made: Made[] = [];

  constructor(tree: Beneath, options: ExtractOptions) {
    this.#tree = tree;
    this.#options = options;
  }

  async add(entry: TarEntry, reader: TarReader): Promise<void> {
    const { place, budget, leftOut } = this.#options;
    const names = place(entry.name);
    this.leave(names);
    budget.take(entry);
    if (entry.mode & 0o6000 && entry.kind !== "other") leftOut.add("set-uid bit", entry.name);
    if (entry.kind === "other") this.#leaveOut("device or pipe", entry.name);
    else if (entry.kind === "directory") this.#directory(names, entry);
    else if (names.length === 0) throw inTheWay(entry.name);
    else if (entry.kind === "file") await this.#file(names, { entry, reader });
    else if (entry.kind === "hardlink") this.#hardLink(names, entry);
    else this.#link(names, entry);
  }

  /** Modes and times of directories come last: a read-only one would take no files, and each file changes its time. */
  leave(next: Names): void {
    for (let last = this.#made.at(-1); last && !beginsInside(next, last.names); last = this.#made.at(-1)) {
      this.#made.pop();
      const path = this.#tree.at([...last.names, Buffer.from(".")]);
      chmodSync(path, last.mode);
      utimesSync(path, seconds(last.mtimeNs), seconds(last.mtimeNs));
    }
  }

  /** Directories that we are in and that got nothing go again: a target that was not there is not there after a refusal. */
  abandon(): void {
    for (const { names } of this.#made.toReversed()) {
      try {
        rmdirSync(this.#tree.at(names));
      } catch {
        return; // something is in it
      }
    }
  }

  #leaveOut(what: string, name: Buffer): void {
    this.#options.leftOut.add(what, name);
    this.#options.budget.leftOut();
  }

  #directory(names: Names, { mode, mtimeNs }: TarEntry): void {
    if (names.length === 0) return;
    const there = this.#look(names);
    if (there?.isDirectory()) return;
    if (there) throw inTheWay(joined(names));
    mkdirSync(this.#tree.at(names), 0o700);
    this.#made.push({ names, mode: mode & 0o777, mtimeNs });
  }

  async #file(names: Names, { entry, reader }: { entry: TarEntry; reader: TarReader }): Promise<void> {
    this.#mayReplace(names);
    const temporary = [...names.slice(0, -1), temporaryName()];
    this.#checkSpace(entry);
    const fd = openSync(this.#tree.at(temporary), "wx", 0o600);
    try {
      for await (const piece of reader.content()) {
        this.#options.signal?.throwIfAborted();
        for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
        this.#options.budget.wrote(piece.length);
      }
      fchmodSync(fd, entry.mode & 0o777);
      futimesSync(fd, seconds(entry.mtimeNs), seconds(entry.mtimeNs));
      this.#rename(temporary, names);
    } catch (error) {
      unlinkSync(this.#tree.at(temporary));
      throw error;
    } finally {
      closeSync(fd);
    }
  }

  #link(names: Names, { name, link, mtimeNs }: TarEntry): void {
    if (!staysBeneath(link, names.length - this.#options.above - 1)) {
      this.#leaveOut("link that leads out", name);
      return;
    }
    this.#mayReplace(names);
    const temporary = [...names.slice(0, -1), temporaryName()];
    const path = this.#tree.at(temporary);
    symlinkSync(link, path);
    lutimesSync(path, seconds(mtimeNs), seconds(mtimeNs));
    this.#rename(temporary, names);
  }

  /** Another name of a file that is there; one of a link or a device is not made. */
  #hardLink(names: Names, { name, link }: TarEntry): void {
    const target = this.#options.place(link);
    if (target.length === 0 || !this.#look(target)?.isFile()) {
      this.#leaveOut("second name of something that was not copied", name);
      return;
    }
    this.#mayReplace(names);
    const temporary = [...names.slice(0, -1), temporaryName()];
    using source = this.#tree.again();
    linkSync(source.at(target), this.#tree.at(temporary));
    this.#rename(temporary, names);
    // Where both are names of one file already, a rename does nothing.
    rmSync(this.#tree.at(temporary), { force: true });
  }

  /** A file that can not fit is not begun. */
  #checkSpace({ size, name }: TarEntry): void {
    if (size < SMALL_BYTES) return;
    const { bavail, bsize } = statfsSync(this.#tree.at([]));
    if (size <= bavail * bsize) return;
    const free = formatBytes(bavail * bsize);
    throw new AppError(
      "DISK_FULL",
      `${shown(name)} has ${formatBytes(size)}, and ${this.#options.directory} has room for ${free}`,
    );
  }

  #mayReplace(names: Names): void {
    const there = this.#look(names);
    if (there && !there.isFile() && !there.isSymbolicLink()) throw inTheWay(joined(names));
  }

  #look(names: Names): Stats | undefined {
    return lstatSync(this.#tree.at(names), { throwIfNoEntry: false });
  }

  #rename(from: Names, to: Names): void {
    renameSync(this.#tree.at(from), this.#tree.at(to));
  }
}

function beginsInside(names: Names, directory: Names): boolean {
  return names.length > directory.length && beginsWith(names, directory);
}

function temporaryName(): Buffer {
  return Buffer.from(`.banger-${randomBytes(8).toString("hex")}.part`);
}

/** As exact as Node sets times: to the microsecond. */
function seconds(ns: bigint): number {
  return Number((ns + 500n) / 1000n) / 1e6;
}

function inTheWay(path: Buffer): AppError {
  return new AppError("FILE_UNWRITABLE", `${shown(path)} is in the way: it is of another kind than what is copied`);
}
