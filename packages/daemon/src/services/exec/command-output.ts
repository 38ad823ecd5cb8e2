/** What the commands that were left running have written, as one text: one after the other, and those that still run as it comes. */
import { mergeByArrival } from "@banger/platform/merge";
import { type Growing, type LogPlace, piecesBackwards, readCommandLog } from "./command-log-reader.ts";

/** `growing` while it runs and is followed. */
export type LoggedCommand = { readonly log: string; readonly growing: Growing | undefined };

export type OutputOptions = {
  /** lines from the end of what there is now; all when absent */
  readonly tail?: number | undefined;
  /** nothing that came before, Unix time in `ms` */
  readonly since?: number | undefined;
  readonly follow?: AbortSignal | undefined;
};

const LINE_FEED = 0x0a;

/** In the order in which they were started. */
export async function* commandOutput(
  commands: readonly LoggedCommand[],
  options: OutputOptions = {},
): AsyncGenerator<Buffer> {
  const { tail, since = 0, follow } = options;
  const from = tail === undefined ? undefined : await tailOf(commands, tail);
  const read = async function* (command: LoggedCommand, index: number): AsyncGenerator<Buffer> {
    const following = follow && command.growing ? { growing: command.growing, signal: follow } : undefined;
    let skip = index === from?.index ? from.skip : 0;
    const start = index === from?.index ? from.place : undefined;
    for await (const { at, data } of readCommandLog(command.log, { start, follow: following })) {
      if (at >= since) yield data.subarray(skip);
      skip = 0;
    }
  };
  const outputs = commands.map(read).slice(from?.index ?? 0);
  const running = commands.slice(from?.index ?? 0).map(({ growing }) => follow !== undefined && growing !== undefined);
  for (const [index, output] of outputs.entries()) if (!running[index]) yield* output;
  yield* mergeByArrival(outputs.filter((_, index) => running[index]));
}

type Tail = { readonly index: number; readonly place: LogPlace | undefined; readonly skip: number };

/** Where the last lines begin: in which command, before which piece, and how many bytes into it. */
async function tailOf(commands: readonly LoggedCommand[], lines: number): Promise<Tail> {
  let feeds: number | undefined;
  for (const [back, { log }] of commands.toReversed().entries()) {
    const index = commands.length - 1 - back;
    for await (const { piece, place } of piecesBackwards(log)) {
      const { data } = piece;
      if (data.length === 0) continue;
      if (lines === 0) return { index, place, skip: data.length };
      // The line feed at the very end begins no line.
      feeds ??= data.at(-1) === LINE_FEED ? lines : lines - 1;
      for (let at = data.lastIndexOf(LINE_FEED); at !== -1; at = at === 0 ? -1 : data.lastIndexOf(LINE_FEED, at - 1)) {
        if (feeds === 0) return { index, place, skip: at + 1 };
        feeds -= 1;
      }
    }
  }
  return { index: 0, place: undefined, skip: 0 };
}
