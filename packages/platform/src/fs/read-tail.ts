/** The end of a file for messages, which are told without it, too. */
import { open } from "node:fs/promises";

const MAX_LINE_BYTES = 16 << 10;

/** The last line that says something; empty where there is none. */
export async function readLastLine(path: string): Promise<string> {
  const tail = await readTail(path, { maxBytes: MAX_LINE_BYTES });
  return tail.toString("utf8").trimEnd().split("\n").at(-1) ?? "";
}

/** Nothing of a file that is not there, or can not be read. */
export async function readTail(path: string, options: { maxBytes: number }): Promise<Buffer> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const length = Math.min(size, options.maxBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead);
  } catch {
    return Buffer.alloc(0); // there is less to tell, and what failed is told anyway
  }
}
