/**
 * The only recursive removal in the product. It takes the root that it may work under, and refuses everything else.
 */
import { lstat, realpath, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, resolve, sep } from "node:path";
import { AppError } from "@banger/contract/errors";
import { unlessMissing } from "./errno.ts";

/** Removes `path`, which lies strictly beneath `options.under`. What is not there is fine; links are removed, not followed. */
export async function removeTree(path: string, options: { under: string }): Promise<void> {
  const root = await existing(options.under);
  const parent = await existing(dirname(path));
  if (root === undefined || parent === undefined) return;
  const target = join(parent, basename(path));
  const inside = isAbsolute(path) && resolve(path) === path && target.startsWith(root + sep) && root !== sep;
  if (!inside) {
    throw new AppError("INTERNAL", `refused to remove ${path}: it does not lie beneath ${options.under}`, {
      facts: { path, under: options.under },
    });
  }
  await rm(target, { recursive: true, force: true, maxRetries: 0 });
}

async function existing(path: string): Promise<string | undefined> {
  const real = await unlessMissing(realpath(path));
  if (real === undefined) return undefined;
  return (await unlessMissing(lstat(real)))?.isDirectory() ? real : undefined;
}
