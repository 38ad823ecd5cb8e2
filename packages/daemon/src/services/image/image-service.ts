/**
 * Images: built from recipes, listed, shown, removed. An image never changes once it is there.
 *
 * Who uses an image is asked of others; this service knows nothing of machines.
 */
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { raceAbort } from "@banger/platform/time/deadline";
import type { StoredEntry, StoreListing } from "../content/content-store.ts";
import { type Progress, SharedWork } from "../content/shared-work.ts";
import { idOf, removeUnused } from "../content/use-entry.ts";
import type { WorkSeed } from "../storage/work-disk.ts";
import { sweepBuildDirs } from "./build-dir.ts";
import { buildImage } from "./build-image.ts";
import { checkImage, verifyImage } from "./image-check.ts";
import { type ImageManifest, ROOT_FILE, WORK_SEED_FILE } from "./manifest.ts";
import { namespacePrefix } from "./namespace.ts";
import type { BuildDeps } from "./plan-build.ts";
import { listRecipes, loadRecipe, type Recipe } from "./recipe.ts";
import { sweepSuites } from "./sweep-suites.ts";

export type Image = StoredEntry<ImageManifest>;
export type ImageServiceDeps = BuildDeps & {
  /** names of the machines that have this image */
  readonly usedBy: (id: string) => readonly string[] | Promise<readonly string[]>;
};
export type ImageCall = { readonly signal: AbortSignal; readonly progress?: Progress | undefined };

export class ImageService {
  readonly #deps: ImageServiceDeps;
  readonly #building = new SharedWork<Image>();
  /** per suite: the last build that has or awaits its turn with the cache */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(deps: ImageServiceDeps) {
    this.#deps = deps;
  }

  /** Callers that ask for the same recipe at the same time join one build. */
  async build(recipeName: string, { signal, progress }: ImageCall): Promise<Image> {
    const recipe = await loadRecipe(this.#deps.recipesDir, recipeName);
    return await this.#building.join(recipe.sha256, (context) => this.#build(recipe, context), { signal, progress });
  }

  /** The image that `ref` means, checked for use; made from its recipe when it is not there. */
  async ensure(ref: string, call: ImageCall): Promise<Image> {
    try {
      return await this.show(ref);
    } catch (error) {
      if (!AppError.is(error, "IMAGE_NOT_FOUND")) throw error;
      if (!(await listRecipes(this.#deps.recipesDir)).includes(ref)) throw error;
    }
    return await this.build(ref, call);
  }

  async list(): Promise<StoreListing<ImageManifest>> {
    return await this.#deps.store.list();
  }

  /** Throws IMAGE_NOT_FOUND, REF_AMBIGUOUS or IMAGE_CORRUPT. */
  async show(ref: string): Promise<Image> {
    const image = await this.#deps.store.find(ref);
    await checkImage(image);
    return image;
  }

  /** Throws IMAGE_CORRUPT for any changed byte; reads all of the image. */
  async verify(id: string, { signal }: { signal: AbortSignal }): Promise<void> {
    const { store, exec } = this.#deps;
    await verifyImage(exec, await store.find(id), { signal });
  }

  /** What references mean among the images that there are now. */
  async idOf(): Promise<(ref: string) => string> {
    const listing = await this.#deps.store.list();
    return (ref) => idOf(listing, { ref, kind: "image" });
  }

  async bytesOnDisk(id: string): Promise<number> {
    return await this.#deps.store.bytesOnDisk(id);
  }

  /** A damaged image can be removed too. Throws IN_USE with the names of the machines. */
  async remove(ref: string): Promise<{ id: string }> {
    const { store, usedBy } = this.#deps;
    const { id } = await removeUnused(store, ref, { kind: "image", usedBy });
    this.#deps.log.info("image removed", { image: id });
    return { id };
  }

  /** Removes what builders that are gone have left half-made. */
  async sweep(): Promise<readonly string[]> {
    const { store, exec, cacheDir, owner, builder } = this.#deps;
    const dirs = { exec, owner, root: join(cacheDir, "builds"), prefix: namespacePrefix(builder) };
    const suites = await sweepSuites(this.#deps);
    return [...(await store.sweep()), ...(await sweepBuildDirs(dirs)), ...suites];
  }

  async #build(recipe: Recipe, context: { signal: AbortSignal; progress: Progress }): Promise<Image> {
    const { log, clock } = this.#deps;
    const startedAt = clock.monotonic();
    log.info("image build begun", { recipe: recipe.name });
    const inTurn = <T>(work: () => Promise<T>) => this.#inTurn(recipe.suite, work, context.signal);
    const image = await buildImage(this.#deps, recipe, { ...context, inTurn });
    const durationMs = Math.round(clock.monotonic() - startedAt);
    log.info("image built", { recipe: recipe.name, image: image.manifest.id, durationMs });
    return image;
  }

  /** Waiting for the turn can be given up; work that has begun listens to the signal itself and is waited for. */
  async #inTurn<T>(suite: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const before = this.#turns.get(suite) ?? Promise.resolve();
    const mine = Promise.withResolvers<void>();
    this.#turns.set(
      suite,
      before.then(() => mine.promise),
    );
    try {
      await raceAbort(before, signal);
      return await work();
    } finally {
      mine.resolve();
    }
  }
}

export function imageRootFile(image: Image): string {
  return join(image.dir, ROOT_FILE);
}

/** What a machine's work disk is cloned from. */
export function imageWorkSeed(image: Image): WorkSeed | null {
  const { workSeed } = image.manifest;
  if (workSeed === null) return null;
  return { path: join(image.dir, WORK_SEED_FILE), bytes: workSeed.bytes, extents: workSeed.extents };
}
