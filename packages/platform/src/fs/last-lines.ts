/** Where the last lines of a file begin, found from its end, so that a long file costs no more than a short one. */
import type { FileHandle } from "node:fs/promises";

const CHUNK_BYTES = 64 << 10;
const LINE_FEED = 0x0a;

/**
 * Goes back over `feeds` line feeds; `at` is behind the next one, where the last lines begin. Undefined, with how many
 * were `passed`, when the file has no more: the lines begin in what was written before it.
 */
export async function lastLines(
  file: FileHandle,
  options: { size: number; feeds: number },
): Promise<{ readonly at: number | undefined; readonly passed: number }> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  let passed = 0;
  for (let end = options.size; end > 0; ) {
    const from = Math.max(0, end - CHUNK_BYTES);
    const { bytesRead } = await file.read(chunk, 0, end - from, from);
    for (let at = lastFeed(chunk, bytesRead); at !== -1; at = lastFeed(chunk, at)) {
      if (passed === options.feeds) return { at: from + at + 1, passed };
      passed += 1;
    }
    end = from;
  }
  return { at: undefined, passed };
}

function lastFeed(chunk: Buffer, end: number): number {
  return end === 0 ? -1 : chunk.lastIndexOf(LINE_FEED, end - 1);
}

/** Whether the last byte before `size` ends a line: that line feed is no beginning of another line. */
export async function endsLine(file: FileHandle, size: number): Promise<boolean> {
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] === LINE_FEED;
}
