/**
 * Reads what command-log.ts writes: whole lines only, from any place on, and further as more is written. A reader holds one
 * piece, so a slow one costs nothing; one that falls behind what is kept goes on with the oldest that is there.
 */
import { type FileHandle, open } from "node:fs/promises";
import type { Changes } from "@banger/platform/changes";
import { isMissing } from "@banger/platform/fs/errno";
import { type CommandStream, parsePiece, segmentPath, segments } from "./command-log.ts";

export type Piece = {
  /** Unix time, `ms` */
  readonly at: number;
  readonly stream: CommandStream;
  /** absolute offset of the first byte */
  readonly from: number;
  readonly data: Buffer;
  /** where it begins in the log */
  readonly place: LogPlace;
};

/** A command that may still write. */
export type Growing = { readonly changes: Changes; readonly over: boolean };

/** A place between two lines of a segment. */
export type LogPlace = { readonly segment: number; readonly at: number };

export type ReadOptions = {
  readonly start?: LogPlace | undefined;
  /** goes on until it is over or the signal is aborted */
  readonly follow?: { readonly growing: Growing; readonly signal: AbortSignal } | undefined;
};

const CHUNK_BYTES = 256 << 10;
const LINE_FEED = 0x0a;

type Segment = { readonly number: number; readonly file: FileHandle; at: number };

/** Oldest first. */
export async function* readCommandLog(directory: string, { start, follow }: ReadOptions = {}): AsyncGenerator<Piece> {
  let segment = await nextSegment(directory, (start?.segment ?? 0) - 1);
  if (segment && segment.number === start?.segment) segment.at = start.at;
  try {
    for (;;) {
      const over = follow?.growing.over ?? true;
      const seen = follow?.growing.changes.version ?? 0;
      if (segment) yield* piecesOf(segment);
      const next = await nextSegment(directory, segment?.number ?? -1);
      if (next) {
        await segment?.file.close();
        segment = next;
      } else if (over || !follow || follow.signal.aborted) return;
      else await follow.growing.changes.since(seen, { signal: follow.signal }).catch(() => undefined); // aborted: the rest
    }
  } finally {
    await segment?.file.close();
  }
}

async function nextSegment(directory: string, after: number): Promise<Segment | undefined> {
  const number = (await segments(directory)).find((one) => one > after);
  if (number === undefined) return undefined;
  try {
    return { number, file: await open(segmentPath(directory, number), "r"), at: 0 };
  } catch (error) {
    if (!isMissing(error)) throw error;
    return await nextSegment(directory, number); // it was the oldest, and has just been removed
  }
}

/** Behind the last line feed there is nothing, or a line that is being written. */
async function* piecesOf(segment: Segment): AsyncGenerator<Piece> {
  let size = CHUNK_BYTES;
  for (;;) {
    const { buffer, bytesRead } = await segment.file.read(Buffer.allocUnsafe(size), 0, size, segment.at);
    const chunk = buffer.subarray(0, bytesRead);
    let start = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
      const place = { segment: segment.number, at: segment.at };
      segment.at += end + 1 - start;
      yield decode(chunk.subarray(start, end), place);
      start = end + 1;
    }
    if (bytesRead < size && start === 0) return;
    if (start === 0) size *= 2;
  }
}

/** Newest first, read from the end. */
export async function* piecesBackwards(directory: string): AsyncGenerator<Piece> {
  for (const number of (await segments(directory)).toReversed()) {
    await using file = await open(segmentPath(directory, number), "r");
    let end = (await file.stat()).size;
    let tail = Buffer.alloc(0);
    while (end > 0) {
      const from = Math.max(0, end - CHUNK_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(end - from), 0, end - from, from);
      const text = Buffer.concat([buffer.subarray(0, bytesRead), tail]);
      const first = from === 0 ? -1 : text.indexOf(LINE_FEED);
      // What stands before the first line feed is the end of a line that begins further in front.
      let stop = text.lastIndexOf(LINE_FEED);
      for (let start = feedBefore(text, stop); stop > first; start = feedBefore(text, stop)) {
        yield decode(text.subarray(start + 1, stop), { segment: number, at: from + start + 1 });
        stop = start;
      }
      tail = text.subarray(0, first + 1);
      end = from;
    }
  }
}

function feedBefore(text: Buffer, end: number): number {
  return end <= 0 ? -1 : text.lastIndexOf(LINE_FEED, end - 1);
}

function decode(line: Buffer, place: LogPlace): Piece {
  const { at, stream, from, data } = parsePiece(JSON.parse(line.toString("utf8")));
  return { at, stream, from, data: Buffer.from(data, "base64"), place };
}
