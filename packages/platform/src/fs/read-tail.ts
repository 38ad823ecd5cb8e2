/** The end of a file for messages, which are told without it, too. */
import { open } from "node:fs/promises";

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
