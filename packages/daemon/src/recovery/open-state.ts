/** Opens the database; a damaged one is put beside, and a new one is filled from the machines' manifests. */
import { rename } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import type { Logger } from "@banger/platform/log";
import { Database } from "../store/database.ts";

export async function openDatabase(path: string, deps: { log: Logger; now: () => number }): Promise<Database> {
  try {
    return Database.open(path);
  } catch (error) {
    if (!AppError.is(error, "STATE_CORRUPT")) throw error;
    const aside = `${path}.damaged-${new Date(deps.now()).toISOString().replaceAll(":", "")}`;
    deps.log.error("the database is damaged; it is kept beside a new one", { kept: aside, error: error.message });
    await moveTogether(path, aside);
    return Database.open(path);
  }
}

/** The write-ahead log belongs to its database: left behind, it would be applied to the new one. */
async function moveTogether(path: string, aside: string): Promise<void> {
  for (const suffix of ["-wal", "-shm", ""]) {
    try {
      await rename(path + suffix, aside + suffix);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}
