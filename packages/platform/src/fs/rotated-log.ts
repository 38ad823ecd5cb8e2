/**
 * Reads a log that somebody else writes, caps and rotates: NAME, and NAME.1 which was NAME before. It can be followed while
 * it grows, through rotation and truncation. Never more than a piece of it is held.
 */
import { type BigIntStats, watch } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "./errno.ts";
import { endsLine, lastLines } from "./last-lines.ts";

/** Where a byte of the log lies, whatever the generation that holds it is called by then. */
export type RotatedPlace = { readonly file: string; readonly at: number };

export type RotatedLogOptions = {
  /** lines from the end; all when absent */
  readonly tail?: number | undefined;
  /** goes on there, or with the oldest byte that is kept */
  readonly start?: RotatedPlace | undefined;
  /** goes on until the signal is aborted, and gives then what is left */
  readonly follow?: AbortSignal | undefined;
};

/** One generation, and how far it was read. */
type Held = { readonly file: FileHandle; readonly identity: string; at: number };

const CHUNK_BYTES = 64 << 10;

export async function* rotatedLog(
  path: string,
  options: RotatedLogOptions = {},
): AsyncGenerator<RotatedPlace & { readonly data: Buffer }> {
  const generations = await openGenerations(path);
  try {
    if (options.start) await skipTo(generations, options.start);
    else if (options.tail !== undefined) await skipToTail(generations, options.tail);
    for (const held of generations) yield* rest(held);
    if (!options.follow) return;
    yield* follow(path, { generations, signal: options.follow });
  } finally {
    for (const { file } of generations) await file.close();
  }
}

/** Oldest first. What is rotated while we open is seen once. */
async function openGenerations(path: string): Promise<Held[]> {
  const current = await openHeld(path);
  const older = await openHeld(`${path}.1`);
  if (!current || !older || current.identity !== older.identity) return [older, current].flatMap((held) => held ?? []);
  for (const { file } of [current, older]) await file.close();
  return await openGenerations(path);
}

async function openHeld(path: string): Promise<Held | undefined> {
  try {
    const file = await open(path, "r");
    return { file, identity: identityOf(await file.stat({ bigint: true })), at: 0 };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** The number of a file that was removed is soon another one's; when it was made tells them apart. */
function identityOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}.${birthtimeNs}`;
}

async function skipTo(generations: Held[], { file, at }: RotatedPlace): Promise<void> {
  const index = generations.findIndex(({ identity }) => identity === file);
  for (const older of generations.splice(0, Math.max(0, index))) await older.file.close();
  const held = index === -1 ? undefined : generations[0];
  if (held && at <= (await held.file.stat()).size) held.at = at;
}

async function skipToTail(generations: readonly Held[], lines: number): Promise<void> {
  // The line feed at the very end of all begins no line.
  let feeds: number | undefined;
  let found = lines === 0;
  for (const held of generations.toReversed()) {
    const { size } = await held.file.stat();
    held.at = size;
    if (found || size === 0) continue;
    feeds ??= (await endsLine(held.file, size)) ? lines : lines - 1;
    const { at, passed } = await lastLines(held.file, { size, feeds });
    held.at = at ?? 0;
    found = at !== undefined;
    feeds -= passed;
  }
}

async function* rest(held: Held): ReturnType<typeof rotatedLog> {
  for (;;) {
    const { identity: file, at } = held;
    const { buffer, bytesRead } = await held.file.read(Buffer.allocUnsafe(CHUNK_BYTES), 0, CHUNK_BYTES, at);
    if (bytesRead === 0) return;
    held.at += bytesRead;
    yield { file, at, data: buffer.subarray(0, bytesRead) };
  }
}

async function* follow(
  path: string,
  { generations, signal }: { generations: Held[]; signal: AbortSignal },
): ReturnType<typeof rotatedLog> {
  for (;;) {
    using change = nextChange(path, signal);
    const held = generations.at(-1);
    const over = signal.aborted;
    if (held) yield* rest(held);
    if (over) return;
    const next = await successor(path, held);
    if (next && next !== held) {
      if (held) yield* rest(held); // what was written between our look and its rotation
      generations.push(next);
      for (const { file } of generations.splice(0, generations.length - 1)) await file.close();
    }
    if (!next) await change.happened;
  }
}

/** What is to be read behind what is held: a younger file, the same one from its beginning, or nothing. */
async function successor(path: string, held: Held | undefined): Promise<Held | undefined> {
  const now = await stat(path, { bigint: true }).catch(() => undefined); // between two generations there may be none
  if (held && now && identityOf(now) === held.identity) {
    if (now.size >= held.at) return undefined;
    held.at = 0;
    return held;
  }
  // When it was rotated twice, the one between is older than what is there now.
  const between = await openHeld(`${path}.1`);
  if (between && held && between.identity !== held.identity) return between;
  await between?.file.close();
  return await openHeld(path);
}

/** Watches before anybody looks, so that no change is missed. */
function nextChange(path: string, signal: AbortSignal): Disposable & { readonly happened: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watchers = watcherOf(path, resolve);
  const onAbort = () => resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) resolve();
  return {
    happened: promise,
    [Symbol.dispose]() {
      watchers?.close();
      signal.removeEventListener("abort", onAbort);
    },
  };
}

/** Of the file; of its directory only while there is none, because much else may happen there. */
function watcherOf(path: string, changed: () => void) {
  for (const target of [path, dirname(path)]) {
    try {
      return watch(target, { persistent: false }, changed).on("error", changed);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return undefined; // nothing will ever come; whoever follows is told otherwise
}
