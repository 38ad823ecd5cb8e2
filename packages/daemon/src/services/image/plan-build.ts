/**
 * What a build will be made from, decided before anything is downloaded but the package lists; with it comes the name of
 * the image.
 */
import { join } from "node:path";
import type { AppError } from "@banger/contract/errors";
import { requireFreeSpace } from "@banger/platform/fs/free-space";
import type { Logger } from "@banger/platform/log";
import type { Clock } from "@banger/platform/time/clock";
import { contentId } from "../content/content-id.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { Progress } from "../content/shared-work.ts";
import type { StagingOwner } from "../content/staging.ts";
import type { ResolvedPackages } from "../debian/apt-output.ts";
import { type DebianSource, renderSources } from "../debian/debian-source.ts";
import { readDebianSources } from "../debian/host-sources.ts";
import { type AptDeps, PrivateApt } from "../debian/private-apt.ts";
import { publicSources, sourcesOfSuite } from "../debian/suite-sources.ts";
import type { BuildTools } from "./build-tools.ts";
import { ROOT_BYTES, WORK_SEED_BYTES } from "./image-files.ts";
import type { ImageManifest } from "./manifest.ts";
import { wantedPackages } from "./mmdebstrap.ts";
import type { Builder } from "./namespace.ts";
import type { Recipe } from "./recipe.ts";

export type BuildDeps = AptDeps & {
  readonly log: Logger;
  readonly clock: Clock;
  readonly store: ContentStore<ImageManifest>;
  readonly owner: StagingOwner;
  readonly builder: Builder;
  /** `images/` of this installation */
  readonly recipesDir: string;
  readonly cacheDir: string;
};
export type BuildContext = { readonly signal: AbortSignal; readonly progress: Progress };

export type BuildPlan = {
  readonly recipe: Recipe;
  readonly id: string;
  readonly apt: PrivateApt;
  /** the image's own */
  readonly sources: readonly DebianSource[];
  readonly wanted: readonly string[];
  readonly resolved: ResolvedPackages;
  /** why the lists are not of today: a build without a network, from what is in the cache */
  readonly outdated: AppError | undefined;
};

/** Changes when the same inputs would make another image. */
const BUILD_FORMAT = 1;
const LISTS_BYTES = 200 << 20;

export async function planBuild(
  deps: BuildDeps,
  recipe: Recipe,
  context: BuildContext & { tools: BuildTools },
): Promise<BuildPlan> {
  const { signal, progress } = context;
  const { suite } = recipe;
  progress({ name: "package lists" });
  await requireFreeSpace(deps.cacheDir, { neededBytes: LISTS_BYTES, what: `the package lists of Debian ${suite}` });
  const host = sourcesOfSuite(await readDebianSources(deps.aptHost), suite);
  const root = join(deps.cacheDir, "apt", suite);
  const apt = await PrivateApt.open(deps, root, { sources: host, of: `Debian ${suite}`, signal });
  const outdated = await apt.update({ signal });
  const wanted = wantedPackages(recipe);
  const resolved = await apt.resolve(wanted, { signal });
  const sources = publicSources(host);
  const id = contentId({
    format: BUILD_FORMAT,
    recipe: { name: recipe.name, sha256: recipe.sha256 },
    packages: resolved.packages.map(describePackage),
    sources: renderSources(sources),
    tools: context.tools,
    sizes: [ROOT_BYTES, WORK_SEED_BYTES],
  });
  return { recipe, id, apt, sources, wanted, resolved, outdated };
}

export function describePackage({
  name,
  version,
  architecture,
}: {
  name: string;
  version: string;
  architecture: string;
}) {
  return `${name} ${version} ${architecture}`;
}
