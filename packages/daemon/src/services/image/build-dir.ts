/**
 * The directory in which one image is being made. Some of its files may belong to ids that only exist in the builder's
 * namespace, so it is emptied there.
 */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";
import { removeTree } from "@banger/platform/fs/remove-tree";
import { type StagingOwner, stagingPath } from "../content/staging.ts";

export type BuildDirDeps = {
  readonly exec: Exec;
  /** holds a directory per build */
  readonly root: string;
  readonly owner: StagingOwner;
  readonly prefix: readonly string[];
};
export type BuildDir = AsyncDisposable & { readonly path: string };

const EMPTY_DEADLINE_MS = 5 * 60_000;

export async function openBuildDir(deps: BuildDirDeps): Promise<BuildDir> {
  await mkdir(deps.root, { recursive: true, mode: 0o700 });
  await sweepBuildDirs(deps);
  const path = stagingPath(deps.root, { what: "staging", owner: deps.owner });
  await mkdir(path, { mode: 0o700 });
  return { path, [Symbol.asyncDispose]: () => removeBuildDir(deps, path) };
}

/** Removes what processes that are gone have left; returns the names. */
export async function sweepBuildDirs(deps: BuildDirDeps): Promise<readonly string[]> {
  const swept: string[] = [];
  const names = await readdir(deps.root).catch(() => []); // ENOENT: nothing was ever built here
  for (const name of names.sort()) {
    const token = /^\.staging\.([0-9a-z-]+)\./.exec(name)?.[1];
    if (token === undefined || token === deps.owner.token || (await deps.owner.isAlive(token))) continue;
    await removeBuildDir(deps, join(deps.root, name));
    swept.push(name);
  }
  return swept;
}

/** Takes no signal: the usual reason for it is that the build was cancelled. */
async function removeBuildDir({ exec, root, prefix }: BuildDirDeps, path: string): Promise<void> {
  const argv = [...prefix, "find", path, "-xdev", "-mindepth", "1", "-delete"];
  await exec.run(argv, { deadlineMs: EMPTY_DEADLINE_MS });
  await removeTree(path, { under: root });
}
