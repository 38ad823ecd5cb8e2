/**
 * Which parts of an ext4 file are in use, so that a large sparse image is read without its holes. Only for file systems
 * that we have made, and that no guest can write to.
 */
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import { BLOCK_BYTES } from "./ext4.ts";
import type { Extent } from "./sparse-content.ts";

const DEADLINE_MS = 60_000;

export async function usedExtents(
  exec: Exec,
  file: string,
  { signal }: { signal: AbortSignal },
): Promise<readonly Extent[]> {
  const { stdout } = await exec.run(["dumpe2fs", file], { signal, deadlineMs: DEADLINE_MS, maxOutputBytes: 64 << 20 });
  return parseUsedExtents(stdout.toString("latin1"), file);
}

/** What lies between the free blocks that `dumpe2fs` lists group by group. */
export function parseUsedExtents(text: string, file: string): readonly Extent[] {
  const blocks = Number(/^Block count: +(\d+)$/m.exec(text)?.[1]);
  const groups = [...text.matchAll(/^ {2}Free blocks: (.*)$/gm)];
  if (!Number.isSafeInteger(blocks) || groups.length === 0) {
    throw new AppError("BUILD_FAILED", `dumpe2fs said nothing about the blocks of ${file}`, { facts: { file } });
  }
  const used: Extent[] = [];
  let next = 0;
  for (const [first, last] of groups.flatMap(([, list = ""]) => parseRanges(list))) {
    if (first > next) used.push([next * BLOCK_BYTES, (first - next) * BLOCK_BYTES]);
    next = last + 1;
  }
  if (next < blocks) used.push([next * BLOCK_BYTES, (blocks - next) * BLOCK_BYTES]);
  return used;
}

/** `5-9, 12` */
function parseRanges(list: string): Array<readonly [number, number]> {
  return [...list.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, first, last]) => [Number(first), Number(last ?? first)]);
}
