/** What the commands that were left running have written, as one text: one after the other, and those that still run as it comes. */
import type { LogPosition } from "@banger/contract/daemon/log-line";
import { mergeByArrival } from "@banger/platform/merge";
import { type Growing, type LogPlace, type Piece, piecesBackwards, readCommandLog } from "./command-log-reader.ts";

/** `growing` while it runs and is followed. */
export type LoggedCommand = { readonly id: string; readonly log: string; readonly growing: Growing | undefined };

export type OutputOptions = {
  /** lines from the end of what there is now; all when absent */
  readonly tail?: number | undefined;
  /** where somebody stood in each; nothing is read of commands that are not named */
  readonly resume?: readonly LogPosition[] | undefined;
  /** nothing that came before, Unix time in `ms` */
  readonly since?: number | undefined;
  readonly follow?: AbortSignal | undefined;
};

export type LogPiece = LogPosition & { readonly data: Buffer };

/** A command, and where it is read from: so many bytes into the piece at that place. */
type Reading = LoggedCommand & { readonly start: LogPlace; readonly skip: number };

const LINE_FEED = 0x0a;
const BEGINNING: LogPlace = { segment: 0, at: 0 };

/** In the order in which they were started; of each an empty piece says first where it is read from. */
export async function* commandOutput(
  commands: readonly LoggedCommand[],
  options: OutputOptions = {},
): AsyncGenerator<LogPiece> {
  const { tail, resume, since = 0, follow } = options;
  const readings = resume ? resumed(commands, resume) : await fromTail(commands, tail);
  for (const { id, start, skip } of readings) yield { ...positionAt(id, start), skip, data: Buffer.alloc(0) };
  const whole: Reading[] = [];
  for (const reading of readings) whole.push(yield* finishBegun(reading, since));
  const read = async function* (reading: Reading): AsyncGenerator<LogPiece> {
    const following = follow && reading.growing ? { growing: reading.growing, signal: follow } : undefined;
    for await (const piece of readCommandLog(reading.log, { start: reading.start, follow: following })) {
      if (piece.at >= since) yield ofPiece(reading, piece);
    }
  };
  const grows = ({ growing }: Reading) => follow !== undefined && growing !== undefined;
  for (const reading of whole) if (!grows(reading)) yield* read(reading);
  yield* mergeByArrival(whole.filter(grows).map(read));
}

/** A piece that somebody had a part of already is finished before anything else comes. */
async function* finishBegun(reading: Reading, since: number): AsyncGenerator<LogPiece, Reading> {
  if (reading.skip === 0) return reading;
  for await (const piece of readCommandLog(reading.log, { start: reading.start })) {
    if (piece.at >= since) yield ofPiece(reading, piece);
    return { ...reading, start: piece.place, skip: piece.data.length };
  }
  return reading;
}

function ofPiece({ id, start, skip: begun }: Reading, { place, data }: Piece): LogPiece {
  // What was begun may not be kept any more; the oldest that is takes its place.
  const skip = place.segment === start.segment && place.at === start.at ? begun : 0;
  return { ...positionAt(id, place), skip, data: data.subarray(skip) };
}

function positionAt(of: string, { segment, at }: LogPlace): Omit<LogPosition, "skip"> {
  return { of, part: String(segment), at };
}

function resumed(commands: readonly LoggedCommand[], resume: readonly LogPosition[]): readonly Reading[] {
  return commands.flatMap((command) => {
    const stood = resume.find(({ of }) => of === command.id);
    if (!stood) return [];
    return { ...command, start: { segment: Number(stood.part), at: stood.at }, skip: stood.skip };
  });
}

/** From the last lines on: commands that wrote before them are left out, and in the first a part of its piece may be. */
async function fromTail(commands: readonly LoggedCommand[], lines: number | undefined): Promise<readonly Reading[]> {
  const readings = commands.map((command) => ({ ...command, start: BEGINNING, skip: 0 }));
  if (lines === undefined) return readings;
  let feeds: number | undefined;
  for (const [back, reading] of readings.toReversed().entries()) {
    const from = (start: LogPlace, skip: number) => [
      { ...reading, start, skip },
      ...readings.slice(readings.length - back),
    ];
    for await (const { data, place } of piecesBackwards(reading.log)) {
      if (data.length === 0) continue;
      if (lines === 0) return from(place, data.length);
      // The line feed at the very end begins no line.
      feeds ??= data.at(-1) === LINE_FEED ? lines : lines - 1;
      for (let at = data.lastIndexOf(LINE_FEED); at !== -1; at = at === 0 ? -1 : data.lastIndexOf(LINE_FEED, at - 1)) {
        if (feeds === 0) return from(place, at + 1);
        feeds -= 1;
      }
    }
  }
  return readings;
}
