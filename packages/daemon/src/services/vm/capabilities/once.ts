/** Makes a file exactly once: it has its name only when it is whole, and what a crash left of an earlier try is replaced. */
import { rename, rm, stat } from "node:fs/promises";

export async function once(path: string, make: (temporary: string) => Promise<unknown>): Promise<void> {
  if (await exists(path)) return;
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    return false; // not made yet; any other trouble shows when it is made
  }
}
