/**
 * Files of the host as an archive. Links are taken as links; a file that changes while it is read is taken with the size that
 * was announced, and told. Small files are read at once and by synchronous calls, for twenty thousand of them would else be
 * twenty thousand waits.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
  statSync,
} from "node:fs";
import { AppError } from "@banger/contract/errors";
import type { OnProgress } from "./budget.ts";
import { unreadable } from "./host-error.ts";
import type { LeftOut } from "./left-out.ts";
import { END_OF_ARCHIVE, encodeEntry, padding, type TarEntry } from "./tar-header.ts";

export type PackSource = {
  /** on the host */
  readonly path: Buffer;
  /** in the archive; empty for what lies in the directory alone */
  readonly name: Buffer;
  /** with all that lies beneath */
  readonly deep: boolean;
  /** named by the user: it has to be there, and a link is taken as what it leads to */
  readonly follow: boolean;
};

export type PackOptions = {
  readonly leftOut: LeftOut;
  readonly onProgress?: OnProgress | undefined;
  readonly signal?: AbortSignal | undefined;
};

const CHUNK_BYTES = 256 << 10;
const SLASH = Buffer.from("/");
const NONE = Buffer.alloc(0);

export async function* pack(sources: Iterable<PackSource>, options: PackOptions): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces(sources, options)) {
    const whole = piece.length >= CHUNK_BYTES;
    if (!whole) held.push(piece);
    bytes += piece.length;
    if (bytes < CHUNK_BYTES) continue;
    options.signal?.throwIfAborted();
    if (held.length > 0) yield Buffer.concat(held);
    if (whole) yield piece;
    held = [];
    bytes = 0;
  }
  yield Buffer.concat([...held, END_OF_ARCHIVE]);
}

function* pieces(sources: Iterable<PackSource>, options: PackOptions): Generator<Buffer> {
  const done = { entries: 0, bytes: 0 };
  const count = (more: { entries?: number; bytes?: number }) => {
    done.entries += more.entries ?? 0;
    done.bytes += more.bytes ?? 0;
    options.onProgress?.(done);
  };
  for (const source of sources) yield* member(source, { ...options, count });
}

type Counting = PackOptions & { readonly count: (more: { entries?: number; bytes?: number }) => void };

/** Only what the user named has to be there; other files may go while we are on our way. */
function* member(source: PackSource, options: Counting): Generator<Buffer> {
  try {
    yield* present(source, options);
  } catch (error) {
    const isGone = AppError.is(error, "FILE_UNREADABLE") && error.facts.errno === "ENOENT";
    if (source.follow || !isGone) throw error;
    options.leftOut.add("file that went away while it was copied", source.name);
  }
}

function* present(source: PackSource, options: Counting): Generator<Buffer> {
  const { path, name, follow } = source;
  const stats = look(path, follow);
  if (stats.isFile() || stats.isSymbolicLink()) options.count({ entries: 1 });
  const mode = Number(stats.mode) & 0o777;
  const entry: TarEntry = { kind: "other", name, link: NONE, mode, size: 0, mtimeNs: stats.mtimeNs };
  if (stats.isDirectory()) {
    if (name.length > 0) yield encodeEntry({ ...entry, kind: "directory", name: Buffer.concat([name, SLASH]) });
    if (source.deep) yield* children(source, options);
  } else if (stats.isFile()) {
    yield* file({ ...entry, kind: "file" }, { ...options, path, follow });
  } else if (stats.isSymbolicLink()) {
    const link = attempt(path, () => readlinkSync(path, { encoding: "buffer" }));
    yield encodeEntry({ ...entry, kind: "symlink", link });
  } else {
    options.leftOut.add("device, pipe or socket", name);
  }
}

function* children({ path, name }: PackSource, options: Counting): Generator<Buffer> {
  const names = attempt(path, () => readdirSync(path, { encoding: "buffer" }));
  for (const child of names.sort(Buffer.compare)) {
    const childName = name.length > 0 ? Buffer.concat([name, SLASH, child]) : child;
    yield* member({ path: Buffer.concat([path, SLASH, child]), name: childName, deep: true, follow: false }, options);
  }
}

function* file(entry: TarEntry, options: Counting & { path: Buffer; follow: boolean }): Generator<Buffer> {
  const { path, follow, leftOut, count } = options;
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | (follow ? 0 : constants.O_NOFOLLOW);
  const fd = attempt(path, () => openSync(path, flags));
  try {
    const before = fstatSync(fd, { bigint: true });
    const size = Number(before.size);
    yield encodeEntry({ ...entry, size, mtimeNs: before.mtimeNs });
    let left = size;
    while (left > 0) {
      const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK_BYTES));
      const read = attempt(path, () => readSync(fd, chunk));
      // It has become shorter: the size was announced, so the rest is zeros.
      const piece = read === 0 ? chunk.fill(0) : chunk.subarray(0, read);
      left -= piece.length;
      count({ bytes: piece.length });
      yield piece;
    }
    yield Buffer.alloc(padding(size));
    const after = fstatSync(fd, { bigint: true });
    if (after.size !== before.size || after.mtimeNs !== before.mtimeNs) leftOut.add(CHANGED, entry.name);
  } finally {
    closeSync(fd);
  }
}

/** What is told of a file that was written to while it was read. */
export const CHANGED = "file that changed while it was copied";

function look(path: Buffer, follow: boolean): BigIntStats {
  return attempt(path, () => (follow ? statSync : lstatSync)(path, { bigint: true }));
}

function attempt<T>(path: Buffer, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(path.toString("utf8"), error);
  }
}
