/** Calls mmdebstrap: packages that are already here become a tree, without a network. */
import { AppError } from "@banger/contract/errors";
import { type Exec, ExecError } from "@banger/platform/exec/run";
import { complaintOf } from "../debian/apt-failure.ts";
import type { ResolvedPackages } from "../debian/apt-output.ts";
import { saysOutOfSpace } from "../storage/out-of-space.ts";
import type { Recipe } from "./recipe.ts";

/** Where the tree's merged /usr comes from; a part of mmdebstrap's own package. */
const MERGED_USR = "/usr/share/mmdebstrap/hooks/merged-usr";
/** Lists and packages were laid out beside the tree; the tree gets them whole, and gives them back to nobody. */
const TAKE_PACKAGES = [
  'mkdir -p "$1/var/lib/apt" "$1/var/cache/apt"',
  'rm -rf "$1/var/lib/apt/lists" "$1/var/cache/apt/archives"',
  'mv "$BANGER_LISTS" "$1/var/lib/apt/lists"',
  'mv "$BANGER_ARCHIVES" "$1/var/cache/apt/archives"',
].join(" && ");
const DEADLINE_MS = 60 * 60_000;

/** What every Debian system has beside the recipe's own packages, as apt patterns and names. */
export function wantedPackages(recipe: Pick<Recipe, "install" | "packages">): readonly string[] {
  const required = recipe.install === "configure" ? ["?essential", "?priority(required)", "apt"] : [];
  // /bin, /lib and /sbin are links into /usr; without this one apt would take Perl for it.
  return [...new Set([...required, "usr-is-merged", ...Object.keys(recipe.packages)])];
}

export type TreeOptions = {
  readonly recipe: Recipe;
  readonly architecture: string;
  readonly resolved: ResolvedPackages;
  readonly tree: string;
  /** file in deb822 format; becomes the image's own */
  readonly sources: string;
  readonly lists: string;
  readonly archives: string;
  readonly prefix: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: (doneBytes: number, totalBytes: number) => void;
};

export async function makeTree(exec: Exec, options: TreeOptions): Promise<void> {
  const sizes = new Map(options.resolved.packages.map(({ name, bytes }) => [name, bytes]));
  const totalBytes = options.resolved.downloadBytes;
  let doneBytes = 0;
  options.progress(0, totalBytes);
  try {
    await exec.run([...options.prefix, ...mmdebstrapArgv(options)], {
      signal: options.signal,
      deadlineMs: DEADLINE_MS,
      env: { BANGER_LISTS: options.lists, BANGER_ARCHIVES: options.archives, DEBIAN_FRONTEND: "noninteractive" },
      onStderrLine: (line) => {
        const name = parseInstalled(line);
        doneBytes += (name !== undefined && sizes.get(name)) || 0;
        if (name !== undefined) sizes.delete(name); // some are set up twice
        if (name !== undefined) options.progress(doneBytes, totalBytes);
      },
    });
  } catch (error) {
    throw explained(error, options);
  }
  options.progress(totalBytes, totalBytes);
}

function mmdebstrapArgv(options: TreeOptions): readonly string[] {
  const { recipe, architecture } = options;
  return [
    ...["mmdebstrap", "--mode=root", "--format=directory", "--verbose", `--architectures=${architecture}`],
    `--variant=${recipe.install === "configure" ? "minbase" : "extract"}`,
    `--include=${["usr-is-merged", ...Object.keys(recipe.packages)].join(",")}`,
    "--skip=update",
    ...["--aptopt=Acquire::Languages none", "--dpkgopt=force-unsafe-io"],
    ...["/usr/share/locale/*", "/usr/share/doc/*"].map((path) => `--dpkgopt=path-exclude=${path}`),
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
    ...(recipe.install === "configure" ? [`--hook-dir=${MERGED_USR}`] : [`--setup-hook=${MERGED_USR}/setup00.sh`]),
    `--setup-hook=${TAKE_PACKAGES}`,
    ...[recipe.suite, options.tree, options.sources],
  ];
}

/** `Setting up NAME:ARCH (VERSION) ...` */
export function parseInstalled(line: string): string | undefined {
  return /^Setting up ([a-z0-9][a-z0-9+.-]*)(?::\S+)? \(/.exec(line)?.[1];
}

function explained(error: unknown, { recipe, tree }: TreeOptions): unknown {
  if (!(error instanceof ExecError) || error.code !== "COMMAND_FAILED") return error;
  const said = error.result.stderr;
  const facts = { recipe: recipe.name };
  if (saysOutOfSpace(said)) {
    return new AppError("DISK_FULL", `no space left for the tree ${tree}`, { facts, cause: error });
  }
  return new AppError("BUILD_FAILED", `mmdebstrap could not make ${recipe.name}: ${complaintOf(said)}`, {
    facts,
    cause: error,
  });
}
