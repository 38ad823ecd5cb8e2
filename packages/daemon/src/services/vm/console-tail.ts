/** The end of a console, for messages: few lines, made harmless, because a guest wrote them. */
import { GuestText } from "@banger/contract/guest-text";
import { readTail } from "@banger/platform/fs/read-tail";

const TAIL_BYTES = 16 * 1024;

export async function consoleTail(path: string, options: { lines: number }): Promise<readonly string[]> {
  const tail = await readTail(path, { maxBytes: TAIL_BYTES });
  return new TextDecoder()
    .decode(tail)
    .split(/\r*\n/) // a serial console ends its lines with both
    .map((line) => new GuestText(line).printable().trim())
    .filter((line) => line !== "")
    .slice(-options.lines);
}
