/**
 * Makes an image from its recipe: packages are resolved and downloaded into a cache that outlives interruptions, then a
 * tree is installed in a namespace, then it becomes two files. What is visible in the store is whole.
 *
 * An image is named by what goes into it, so a build whose inputs did not change ends before the download.
 */
import { createHash } from "node:crypto";
import { link, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StoredEntry } from "../content/content-store.ts";
import { soundEntry } from "../content/use-entry.ts";
import { ARCHITECTURE, renderSources } from "../debian/debian-source.ts";
import { claimPackages, missingBytes, prunePackages } from "../debian/package-cache.ts";
import { requireSpace } from "../storage/space.ts";
import { openBuildDir } from "./build-dir.ts";
import { requireBuildTools } from "./build-tools.ts";
import { checkImage } from "./image-check.ts";
import { makeRootFile, makeWorkSeed } from "./image-files.ts";
import { type ImageManifest, PACKAGES_FILE } from "./manifest.ts";
import { makeTree } from "./mmdebstrap.ts";
import { namespacePrefix } from "./namespace.ts";
import { type BuildContext, type BuildDeps, type BuildPlan, describePackage, planBuild } from "./plan-build.ts";
import { listRecipes, type Recipe } from "./recipe.ts";
import { setupTree } from "./setup-tree.ts";

/** the tree's own waste over apt's estimate, and the file system's over the tree */
const TREE_FACTOR = 1.15;
const IMAGE_FACTOR = 1.15;
const SLACK_BYTES = 64 << 20;

/** One at a time for each suite up to the moment when its packages are laid out: `inTurn` sees to that. */
export async function buildImage(
  deps: BuildDeps,
  recipe: Recipe,
  context: BuildContext & { readonly inTurn: <T>(work: () => Promise<T>) => Promise<T> },
): Promise<StoredEntry<ImageManifest>> {
  const prefix = namespacePrefix(deps.builder);
  const tools = await requireBuildTools(deps.exec, deps.builder, context);
  await mkdir(deps.cacheDir, { recursive: true, mode: 0o700 });
  await using dir = await openBuildDir({
    exec: deps.exec,
    root: join(deps.cacheDir, "builds"),
    owner: deps.owner,
    prefix,
  });
  const prepared = await context.inTurn(async () => {
    const plan = await planBuild(deps, recipe, { ...context, tools });
    const present = await soundEntry(deps.store, plan.id, checkImage);
    if (!present) await fetchAll(deps, plan, context);
    if (plan.outdated) deps.log.warn("package lists are outdated", { recipe: recipe.name, error: plan.outdated });
    if (present) return { plan, present };
    await layOut(plan, dir.path);
    return { plan, present };
  });
  if (prepared.present) return prepared.present;
  const { plan } = prepared;
  return await deps.store.publish(
    plan.id,
    (staging, { signal }) => fill(deps, plan, { ...context, signal, staging, build: dir.path, prefix }),
    context,
  );
}

async function fetchAll(deps: BuildDeps, plan: BuildPlan, { signal, progress }: BuildContext): Promise<void> {
  const { apt, resolved, wanted, recipe } = plan;
  const { installedBytes } = resolved;
  await requireSpace(`building ${recipe.name}`, [
    {
      path: deps.cacheDir,
      bytes: (await missingBytes(apt.dir, resolved)) + installedBytes * TREE_FACTOR + SLACK_BYTES,
    },
    { path: await deps.store.directory(), bytes: installedBytes * IMAGE_FACTOR },
  ]);
  const totalBytes = resolved.downloadBytes;
  const onFraction = (done: number) =>
    progress({ name: "download packages", doneBytes: Math.round(totalBytes * done), totalBytes });
  await claimPackages(apt.dir, recipe.name, resolved);
  await apt.fetch(wanted, { resolved, signal, onFraction });
  const recipes = new Set(await listRecipes(deps.recipesDir));
  await prunePackages(apt.dir, { isUser: (name) => recipes.has(name) });
}

/** Links lists and packages into the build's own directory: later changes of the cache do not reach it. */
async function layOut({ apt, resolved, sources }: BuildPlan, build: string): Promise<void> {
  const { lists, archives } = apt.dir;
  await mkdir(join(build, "lists"));
  for (const entry of await readdir(lists, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === "lock") continue;
    await link(join(lists, entry.name), join(build, "lists", entry.name));
  }
  await mkdir(join(build, "archives/partial"), { recursive: true });
  for (const { file } of resolved.packages) await link(join(archives, file), join(build, "archives", file));
  await writeFile(join(build, "debian.sources"), renderSources(sources), { mode: 0o644 });
}

type FillContext = BuildContext & {
  readonly staging: string;
  readonly build: string;
  readonly prefix: readonly string[];
};

async function fill(deps: BuildDeps, plan: BuildPlan, context: FillContext): Promise<ImageManifest> {
  const { recipe, resolved, id } = plan;
  const { staging, build, prefix, signal, progress } = context;
  const tree = join(build, "tree");
  await makeTree(deps.exec, {
    ...{ recipe, resolved, tree, prefix, signal, architecture: ARCHITECTURE },
    sources: join(build, "debian.sources"),
    lists: join(build, "lists"),
    archives: join(build, "archives"),
    progress: (doneBytes, totalBytes) => progress({ name: "install", doneBytes, totalBytes }),
  });
  progress({ name: "set up" });
  await setupTree(deps.exec, { tree, script: recipe.setup, recipe: recipe.name, prefix, signal });
  const files = { id, tree, dir: staging, prefix, signal, progress };
  const root = await makeRootFile(deps.exec, files);
  const seed = await makeWorkSeed(deps.exec, files);
  const list = resolved.packages.map((one) => `${describePackage(one)}\n`).join("");
  await writeFile(join(staging, PACKAGES_FILE), list);
  const sha256 = createHash("sha256").update(list).digest("hex");
  progress({ name: "publish" });
  return {
    format: 1,
    ...{ id, name: recipe.name, description: recipe.description, suite: recipe.suite, init: recipe.init },
    createdAt: new Date(deps.clock.now()).toISOString(),
    recipe: { sha256: recipe.sha256 },
    architecture: ARCHITECTURE,
    files: [
      ...[root, seed].map(({ name, bytes, content }) => ({ name, bytes, sha256: content.sha256 })),
      { name: PACKAGES_FILE, bytes: Buffer.byteLength(list), sha256 },
    ],
    workSeed: {
      bytes: seed.bytes,
      sha256: seed.content.sha256,
      extents: seed.content.extents.map(([offset, length]) => [offset, length]),
    },
  };
}
