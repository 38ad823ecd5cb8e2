/**
 * Descriptors that came from whoever started this process, without being meant for it: a pipe that somebody reads to its end, a lock
 * that somebody waits for. Whatever Node opens itself is closed by exec, which is how the others are known; the first
 * sixteen it marks as well, so that they do not come from a process of Node's in the first place.
 */
import { closeSync, readdirSync, readFileSync } from "node:fs";

const CLOSED_BY_EXEC = 0o2000000;
const FIRST = 3;

/** Closes all but the standard ones and those in `keep`. To be called before anything else is opened. */
export function closeInherited({ keep }: { keep: readonly number[] }): void {
  for (const name of readdirSync("/proc/self/fd")) {
    const descriptor = Number(name);
    if (descriptor >= FIRST && !keep.includes(descriptor) && isInherited(descriptor)) closeSync(descriptor);
  }
}

function isInherited(descriptor: number): boolean {
  try {
    const [, flags = "0"] = /^flags:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")) ?? [];
    return (Number.parseInt(flags, 8) & CLOSED_BY_EXEC) === 0;
  } catch {
    return false; // it was the one that the list was read through
  }
}
