/**
 * Space for one piece of work that lies in several places: checked before it begins, in each of them. Places on one file
 * system share what is free there.
 */
import { stat } from "node:fs/promises";
import { requireFreeSpace } from "@banger/platform/fs/free-space";

export type SpaceNeed = { readonly path: string; readonly bytes: number };
export type FileSystemOf = (path: string) => Promise<number>;

/** Throws DISK_FULL, which names the path that is short. The paths must exist. */
export async function requireSpace(
  what: string,
  needs: readonly SpaceNeed[],
  { fileSystemOf = deviceOf }: { fileSystemOf?: FileSystemOf } = {},
): Promise<void> {
  const together = new Map<number, { path: string; bytes: number }>();
  for (const { path, bytes } of needs) {
    const device = await fileSystemOf(path);
    const known = together.get(device);
    if (known) known.bytes += bytes;
    else together.set(device, { path, bytes });
  }
  for (const { path, bytes } of together.values()) {
    await requireFreeSpace(path, { neededBytes: Math.ceil(bytes), what });
  }
}

async function deviceOf(path: string): Promise<number> {
  return (await stat(path)).dev;
}
