/** Opens the database; a damaged one is put beside, and a new one is filled from the machines' manifests. */
import { open, rename } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import { isMissing } from "@banger/platform/fs/errno";
import type { Logger } from "@banger/platform/log";
import { Database } from "../store/database.ts";

export async function openDatabase(path: string, deps: { log: Logger; now: () => number }): Promise<Database> {
  try {
    return await openPrivately(path);
  } catch (error) {
    if (!AppError.is(error, "STATE_CORRUPT")) throw error;
    const aside = `${path}.damaged-${new Date(deps.now()).toISOString().replaceAll(":", "")}`;
    deps.log.error("the database is damaged; it is kept beside a new one", { kept: aside, error: error.message });
    await moveTogether(path, aside);
    return await openPrivately(path);
  }
}

async function openPrivately(path: string): Promise<Database> {
  await makePrivate(path);
  return Database.open(path);
}

/** It holds environments, which are secrets. Closed before SQLite opens it: a close would drop SQLite's own locks. */
async function makePrivate(path: string): Promise<void> {
  await using file = await open(path, "a", 0o600);
  await file.chmod(0o600);
}

/** The write-ahead log belongs to its database: left behind, it would be applied to the new one. */
async function moveTogether(path: string, aside: string): Promise<void> {
  for (const suffix of ["-wal", "-shm", ""]) {
    try {
      await rename(path + suffix, aside + suffix);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
}
