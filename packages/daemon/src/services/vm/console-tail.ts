/** The end of a console, for messages: few lines, made harmless, because a guest wrote them. */
import { open } from "node:fs/promises";
import { GuestText } from "@banger/contract/guest-text";

const TAIL_BYTES = 16 * 1024;

export async function consoleTail(path: string, options: { lines: number }): Promise<readonly string[]> {
  const text = new TextDecoder().decode(await tailBytes(path));
  return text
    .split(/\r*\n/) // a serial console ends its lines with both
    .map((line) => new GuestText(line).printable().trim())
    .filter((line) => line !== "")
    .slice(-options.lines);
}

async function tailBytes(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.subarray(0, bytesRead);
  } catch {
    return new Uint8Array(); // no console yet: the VMM has said nothing
  }
}
