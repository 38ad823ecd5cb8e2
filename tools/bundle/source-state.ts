/** What the sources say about themselves: version, commit, the agent made of them, and the files that change when those do. */
import { execFile } from "node:child_process";
import { glob, readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

export type SourceState = {
  readonly version: string;
  /** 12 hex digits, `+` after them where tracked files differ; `unknown` where git cannot say */
  readonly commit: string;
  /** what the guest agent that was built says of itself; `unknown` where there is none */
  readonly agent: string;
  /** paths from the root of the checkout, besides the inputs of the bundles, that make a build stale */
  readonly watched: readonly string[];
};

export async function readSourceState(root: string): Promise<SourceState> {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const commit = (await git(root, ["rev-parse", "--short=12", "HEAD"])) ?? "unknown";
  const changes = await git(root, ["status", "--porcelain", "--untracked-files=no"]);
  const log = await git(root, ["rev-parse", "--git-path", "logs/HEAD"]);
  const agent = (await output(join(root, "build/guest/banger-agent"), ["--version"])) ?? "unknown";
  const watched = await nativeSources(root);
  if (log !== undefined) watched.push(relative(root, resolve(root, log)));
  return { version, commit: changes ? `${commit}+` : commit, agent, watched };
}

async function nativeSources(root: string): Promise<string[]> {
  const patterns = ["native/*/", "guest/agent/"].flatMap((folder) => [`${folder}Makefile`, `${folder}**/*.{c,h}`]);
  const setup = ["tools/setup/{*.sh,packages}", "tools/bundle/*.ts", "tools/node/package-lock.json"];
  return await Array.fromAsync(glob([...patterns, ...setup], { cwd: root }));
}

// Without optional locks `git status` leaves the index alone, which others may be using.
function git(root: string, argv: readonly string[]): Promise<string | undefined> {
  return output("git", ["--no-optional-locks", "-C", root, ...argv]);
}

async function output(program: string, argv: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, argv, { timeout: 30_000 });
    return stdout.trim();
  } catch {
    return undefined;
  }
}
