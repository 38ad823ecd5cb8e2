/**
 * The output of a command that was left running: a line of JSON per piece, with its time, stream and absolute offset.
 *
 * The offsets make it the memory of what was consumed: the next daemon reads them from the last lines and has the agent
 * go on behind them. Two segments are kept, so a guest that floods takes a bounded part of the disk.
 */
import { appendFile, mkdir, open, readdir, readFile, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { Changes } from "@banger/platform/changes";
import { isMissing } from "@banger/platform/fs/errno";
import * as z from "zod";

export type CommandStream = "stdout" | "stderr";
export type Offsets = Readonly<Record<CommandStream, number>>;

const Piece = z.object({
  /** Unix time, `ms` */
  at: z.number(),
  stream: z.enum(["stdout", "stderr"]),
  /** absolute offset of the first byte */
  from: z.int().nonnegative(),
  /** base64 */
  data: z.string(),
});
export const parsePiece = (value: unknown): z.infer<typeof Piece> => Piece.parse(value);

const SEGMENT_BYTES = 8 << 20;
const SEGMENTS = 2;
const SEGMENT = /^(\d{6})\.ndjson$/;

export class CommandLog {
  /** what was appended can be read */
  readonly changes = new Changes();
  readonly directory: string;
  readonly #segmentBytes: number;
  #number: number;
  #bytes: number;
  #offsets: Offsets;
  #last: Promise<void> = Promise.resolve();

  private constructor(
    directory: string,
    at: { number: number; bytes: number; offsets: Offsets; segmentBytes: number },
  ) {
    this.directory = directory;
    this.#segmentBytes = at.segmentBytes;
    this.#number = at.number;
    this.#bytes = at.bytes;
    this.#offsets = at.offsets;
  }

  /** Makes it, or goes on where the last daemon stopped; a line that was cut short by a crash is taken off. */
  static async open(directory: string, options: { segmentBytes?: number } = {}): Promise<CommandLog> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const numbers = await segments(directory);
    const number = numbers.at(-1) ?? 0;
    const bytes = await dropTornLine(segmentPath(directory, number));
    const offsets = await lastOffsets(directory, numbers);
    return new CommandLog(directory, { number, bytes, offsets, segmentBytes: options.segmentBytes ?? SEGMENT_BYTES });
  }

  /** What comes first in a log that has nothing yet. */
  beginAt(offsets: Offsets): void {
    const { stdout, stderr } = this.#offsets;
    this.#offsets = { stdout: Math.max(stdout, offsets.stdout), stderr: Math.max(stderr, offsets.stderr) };
  }

  /** Bytes of each stream that are on disk. */
  get offsets(): Offsets {
    return this.#offsets;
  }

  /** One piece after the other, in the order of the calls. One that fails leaves nothing, and may be tried again. */
  append(stream: CommandStream, data: Uint8Array, options: { at: number }): Promise<void> {
    const turn = this.#last.then(() => this.#append(stream, data, options));
    this.#last = turn.catch(() => undefined); // told to the caller whose piece it was
    return turn;
  }

  async #append(stream: CommandStream, data: Uint8Array, options: { at: number }): Promise<void> {
    const from = this.#offsets[stream];
    const line = `${JSON.stringify({ at: options.at, stream, from, data: Buffer.from(data).toString("base64") })}\n`;
    if (this.#bytes > 0 && this.#bytes + line.length > this.#segmentBytes) await this.#rotate();
    const path = segmentPath(this.directory, this.#number);
    try {
      await appendFile(path, line, { mode: 0o600 });
    } catch (error) {
      await truncate(path, this.#bytes).catch(() => undefined); // nothing was written, not even a part of the line
      throw error;
    }
    this.#bytes += line.length;
    this.#offsets = { ...this.#offsets, [stream]: from + data.length };
    this.changes.tell();
  }

  async #rotate(): Promise<void> {
    this.#number += 1;
    this.#bytes = 0;
    for (const number of await segments(this.directory)) {
      if (number <= this.#number - SEGMENTS) await rm(segmentPath(this.directory, number), { force: true });
    }
  }
}

async function lastOffsets(directory: string, numbers: readonly number[]): Promise<Offsets> {
  const offsets = { stdout: 0, stderr: 0 };
  for (const number of numbers) {
    for (const piece of await pieces(segmentPath(directory, number))) {
      offsets[piece.stream] = piece.from + Buffer.from(piece.data, "base64").length;
    }
  }
  return offsets;
}

async function pieces(path: string): Promise<readonly z.infer<typeof Piece>[]> {
  const lines = (await readFile(path, "utf8")).split("\n");
  lines.pop(); // behind the last newline there is nothing, or a line that was cut short
  return lines.map((line) => parsePiece(JSON.parse(line)));
}

async function dropTornLine(path: string): Promise<number> {
  try {
    await using file = await open(path, "r+");
    const content = await file.readFile();
    const bytes = content.lastIndexOf(0x0a) + 1;
    if (bytes < content.length) await file.truncate(bytes);
    return bytes;
  } catch (error) {
    if (isMissing(error)) return 0;
    throw error;
  }
}

/** Numbers of those that are there, oldest first. */
export async function segments(directory: string): Promise<readonly number[]> {
  const names = await readdir(directory).catch(() => []); // no command has written yet
  const numbers = names.flatMap((name) => SEGMENT.exec(name)?.[1] ?? []).map(Number);
  return numbers.sort((a, b) => a - b);
}

export function segmentPath(directory: string, number: number): string {
  return join(directory, `${String(number).padStart(6, "0")}.ndjson`);
}
