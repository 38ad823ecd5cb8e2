/** A directory tree is made durable and read-only. */
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "@banger/platform/fs/atomic-write";

export async function seal(dir: string): Promise<void> {
  for (const entry of await readdir(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) await seal(path);
    if (!entry.isFile()) continue;
    await using file = await open(path, "r");
    await file.chmod(0o444);
    await file.sync();
  }
  await syncDirectory(dir);
}
