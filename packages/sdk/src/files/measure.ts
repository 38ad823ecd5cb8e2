/** How much there is to copy, for whoever waits: looked at beside the copy, and given up when that is quicker. */
import { lstatSync, readdirSync, statSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import type { PackSource } from "./pack.ts";

export type Total = { readonly entries: number; readonly bytes: number };

const SLASH = Buffer.from("/");
/** looked at before others get their turn */
const EACH_TURN = 100;

/** As it will be counted while it is packed. Rejects for what can not be read, and when the signal is aborted. */
export async function measure(sources: Iterable<PackSource>, { signal }: { signal: AbortSignal }): Promise<Total> {
  const total = { entries: 0, bytes: 0 };
  let looked = 0;
  for (const { path, deep, follow } of sources) {
    const waiting: Buffer[] = [path];
    for (let next = waiting.pop(); next; next = waiting.pop()) {
      if (looked % EACH_TURN === 0) await turn(undefined, { signal });
      looked += 1;
      const stats = follow && next === path ? statSync(next) : lstatSync(next);
      if (stats.isFile() || stats.isSymbolicLink()) total.entries += 1;
      if (stats.isFile()) total.bytes += stats.size;
      if (!deep || !stats.isDirectory()) continue;
      for (const name of readdirSync(next, { encoding: "buffer" })) waiting.push(Buffer.concat([next, SLASH, name]));
    }
  }
  return total;
}
