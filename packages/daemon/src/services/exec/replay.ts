/** Where a client begins in the log of a command: where it stood, or a screen before its end. */
import type { Consumed } from "../guest/exec-begin.ts";
import { type LogPlace, type Piece, piecesBackwards } from "./command-log-reader.ts";

export type Replay = {
  /** nothing to read before it */
  readonly place: LogPlace | undefined;
  /** offsets of the first bytes for the client */
  readonly from: Consumed;
};

/** what a screen and a little more can show, bytes */
const SCREEN_BYTES = 64 << 10;
const LINE_FEED = 0x0a;

/** Where both streams are at the latest at what is wanted. What was not kept long enough is left out: `from` is then more. */
export async function resumeAt(log: string, { wanted, end }: { wanted: Consumed; end: Consumed }): Promise<Replay> {
  let place: LogPlace | undefined;
  const from = { stdout: Math.max(wanted.stdout, end.stdout), stderr: Math.max(wanted.stderr, end.stderr) };
  for await (const piece of piecesBackwards(log)) {
    if (from.stdout === wanted.stdout && from.stderr === wanted.stderr) break;
    from[piece.stream] = Math.max(wanted[piece.stream], piece.from);
    place = piece.place;
  }
  return { place, from };
}

/** The last screen, from the beginning of a line if more than that was written. */
export async function lastScreen(log: string, end: Consumed): Promise<Replay> {
  const from = { ...end };
  let place: LogPlace | undefined;
  let bytes = 0;
  let first: Piece | undefined;
  for await (const piece of piecesBackwards(log)) {
    if (bytes >= SCREEN_BYTES) {
      if (first) from[first.stream] = first.from + first.data.indexOf(LINE_FEED) + 1;
      break;
    }
    from[piece.stream] = piece.from;
    place = piece.place;
    bytes += piece.data.length;
    first = piece;
  }
  return { place, from };
}

/** Where the log ends by now. */
export async function logEnd(log: string): Promise<Consumed> {
  const end: { stdout?: number; stderr?: number } = {};
  for await (const piece of piecesBackwards(log)) {
    end[piece.stream] ??= piece.from + piece.data.length;
    if (end.stdout !== undefined && end.stderr !== undefined) break;
  }
  return { stdout: end.stdout ?? 0, stderr: end.stderr ?? 0 };
}
