/**
 * What git knows of a directory, asked of git itself. Only ever in a repository of the user's own on this host, and never so
 * that the repository decides what is run: no hooks, no file system monitor, no locks.
 */
import { lstatSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";

export type GitFiles = {
  /** in the index, those of submodules too; relative to the directory */
  readonly tracked: readonly Buffer[];
  /** neither in the index nor ignored, in submodules too; what ends with a slash is a repository of its own */
  readonly untracked: readonly Buffer[];
};

const SAFE = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks", "--no-pager"];
/** what is missing is not fetched: a repository names the program that would be asked for it */
const ENV = { GIT_TERMINAL_PROMPT: "0", GIT_NO_LAZY_FETCH: "1", GIT_ALLOW_PROTOCOL: "none", LC_ALL: "C" };
const GITLINK = Buffer.from("160000 ");
const TAB = 0x09;
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

type Running = { readonly exec: Exec; readonly signal?: AbortSignal | undefined };

/** Of a directory without links in its path. */
export async function gitFiles(directory: string, running: Running): Promise<GitFiles> {
  const [tracked, untracked] = await Promise.all([
    list(directory, ["--cached", "--recurse-submodules"], running),
    untrackedIn(directory, running),
  ]);
  return { tracked, untracked };
}

/** Git tells those of the repository alone, so each submodule that is checked out is asked for its own. */
async function untrackedIn(directory: string, running: Running): Promise<Buffer[]> {
  const [own, staged] = await Promise.all([
    list(directory, ["--others", "--exclude-standard"], running),
    list(directory, ["--stage"], running),
  ]);
  for (const module of staged.flatMap(submoduleOf)) {
    const path = join(directory, module);
    if (!isRealDirectory(path) || !lstatSync(join(path, ".git"), { throwIfNoEntry: false })) continue;
    const prefix = Buffer.from(`${module}/`);
    for (const name of await untrackedIn(path, running)) own.push(Buffer.concat([prefix, name]));
  }
  return own;
}

/** A link in its place may lead out, or round in circles. */
function isRealDirectory(path: string): boolean {
  try {
    return realpathSync(path) === path;
  } catch {
    return false; // it is not checked out
  }
}

/** Of `MODE OBJECT STAGE<tab>PATH`, which somebody may have written by hand. One whose name is no text can not be given to git, and keeps its untracked files. */
function submoduleOf(line: Buffer): string[] {
  if (!line.subarray(0, GITLINK.length).equals(GITLINK)) return [];
  const path = line.subarray(line.indexOf(TAB) + 1);
  const text = path.toString("utf8");
  const isPlain = text.split("/").every((part) => part !== "" && part !== "." && part !== "..");
  return isPlain && Buffer.from(text).equals(path) ? [text] : [];
}

async function list(directory: string, options: readonly string[], { exec, signal }: Running): Promise<Buffer[]> {
  const { stdout } = await exec.run(["git", "-C", directory, ...SAFE, "ls-files", "-z", ...options], {
    ...{ deadlineMs: DEADLINE_MS, maxOutputBytes: MAX_LIST_BYTES, env: ENV },
    signal,
  });
  return splitAtZeros(stdout);
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
