/**
 * Packages that are kept in an apt directory between uses. Each user of it, by name, says which ones it last needed;
 * what nobody named may go. Who is already using a package has a link of its own.
 */
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import type { AptDir } from "./apt-dir.ts";
import type { ResolvedPackages } from "./apt-output.ts";

/** Bytes that are still to be downloaded. */
export async function missingBytes({ archives }: AptDir, { packages }: ResolvedPackages): Promise<number> {
  let missing = 0;
  for (const { file, bytes } of packages) {
    const present = await stat(join(archives, file)).catch(() => undefined); // absent: to be downloaded
    if (present?.size !== bytes) missing += bytes;
  }
  return missing;
}

/** To be called before the download: from then on nobody removes these. `user` can be the name of a file. */
export async function claimPackages(apt: AptDir, user: string, { packages }: ResolvedPackages): Promise<void> {
  const claims = join(apt.root, "claims");
  await mkdir(claims, { recursive: true });
  await atomicWrite(join(claims, user), packages.map(({ file }) => `${file}\n`).join(""));
}

/** Removes packages that no user claims, and first what users claim that there are no more. */
export async function prunePackages(apt: AptDir, options: { isUser: (name: string) => boolean }): Promise<void> {
  const claims = join(apt.root, "claims");
  const kept = new Set<string>();
  for (const name of await readdir(claims)) {
    if (!options.isUser(name)) {
      await rm(join(claims, name), { force: true }); // or a write that did not end
      continue;
    }
    for (const file of (await readFile(join(claims, name), "utf8")).split("\n")) kept.add(file);
  }
  for (const name of await readdir(apt.archives)) {
    if (name.endsWith(".deb") && !kept.has(name)) await rm(join(apt.archives, name), { force: true });
  }
}
