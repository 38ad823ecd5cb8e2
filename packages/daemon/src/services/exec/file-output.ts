/** A log that the launcher or the VMM writes into a file and rotates, as pieces of which somebody can say where they stand. */
import { rotatedLog } from "@banger/platform/fs/rotated-log";
import type { LogPiece, OutputOptions } from "./command-output.ts";

export async function* fileOutput(
  of: "console" | "vmm",
  path: string,
  { tail, follow, resume }: Pick<OutputOptions, "tail" | "follow" | "resume">,
): AsyncGenerator<LogPiece> {
  const stood = resume?.find((position) => position.of === of);
  const start = stood && { file: stood.part, at: stood.at + stood.skip };
  for await (const { file, at, data } of rotatedLog(path, { tail, start, follow })) {
    yield { of, part: file, at, skip: 0, data };
  }
}
