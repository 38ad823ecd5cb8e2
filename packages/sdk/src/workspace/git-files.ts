/**
 * What git knows of a directory, asked of git itself. Only ever in a repository of the user's own on this host, and never so
 * that the repository decides what is run: no hooks, no file system monitor, no locks.
 */
import { lstatSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";

export type GitFiles = {
  /** in the index, those of submodules too; relative to the directory */
  readonly tracked: readonly Buffer[];
  /** neither in the index nor ignored; what ends with a slash is a repository of its own */
  readonly untracked: readonly Buffer[];
};

const SAFE = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks", "--no-pager"];
const DEADLINE_MS = 60_000;
/** a million long names */
const MAX_LIST_BYTES = 256 << 20;

/** Whether git would find a repository: its own answer can not be told from one that it refuses. */
export function isInRepository(directory: string): boolean {
  for (let at = directory; ; at = dirname(at)) {
    if (lstatSync(join(at, ".git"), { throwIfNoEntry: false })) return true;
    if (at === dirname(at)) return false;
  }
}

export async function gitFiles(
  directory: string,
  { exec, signal }: { exec: Exec; signal?: AbortSignal | undefined },
): Promise<GitFiles> {
  const list = async (...options: string[]) => {
    const { stdout } = await exec.run(["git", "-C", directory, ...SAFE, "ls-files", "-z", ...options], {
      ...{ deadlineMs: DEADLINE_MS, maxOutputBytes: MAX_LIST_BYTES, env: { GIT_TERMINAL_PROMPT: "0", LC_ALL: "C" } },
      ...(signal && { signal }),
    });
    return splitAtZeros(stdout);
  };
  const [tracked, untracked] = await Promise.all([
    list("--cached", "--recurse-submodules"),
    list("--others", "--exclude-standard"),
  ]);
  return { tracked, untracked };
}

function splitAtZeros(list: Buffer): Buffer[] {
  const found: Buffer[] = [];
  let from = 0;
  for (let zero = list.indexOf(0); zero !== -1; zero = list.indexOf(0, from)) {
    found.push(list.subarray(from, zero));
    from = zero + 1;
  }
  return found;
}
