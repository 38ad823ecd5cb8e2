/** Names of half-made and half-removed directories tell whose they are, so that those of dead processes can be swept. */
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "@banger/platform/fs/remove-tree";

export type StagingOwner = {
  /** this process: `0-9a-z` and `-`, never given to another process again */
  readonly token: string;
  isAlive(token: string): boolean | Promise<boolean>;
};

const NAME = /^\.(?:staging|trash)\.([0-9a-z-]+)\./;

/** A name in `root` that nobody has. */
export function stagingPath(root: string, { what, owner }: { what: "staging" | "trash"; owner: StagingOwner }): string {
  return join(root, `.${what}.${owner.token}.${randomBytes(6).toString("hex")}`);
}

/** Removes what processes that are gone have left in `root`; returns the names. */
export async function sweepStaging(root: string, owner: StagingOwner): Promise<readonly string[]> {
  const swept: string[] = [];
  const names = await readdir(root).catch(() => []); // ENOENT: nothing was ever made here
  for (const name of names.sort()) {
    const token = NAME.exec(name)?.[1];
    if (token === undefined || token === owner.token || (await owner.isAlive(token))) continue;
    await removeTree(join(root, name), { under: root });
    swept.push(name);
  }
  return swept;
}
