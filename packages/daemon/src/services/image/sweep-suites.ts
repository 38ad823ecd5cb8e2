/** Package caches of suites that no recipe is made of any more, which nothing else would ever look at again. */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { removeTree } from "@banger/platform/fs/remove-tree";
import type { Clock } from "@banger/platform/time/clock";
import { listRecipes, loadRecipe } from "./recipe.ts";

/** Another build of banger may have recipes that we have not, and share the cache. */
const UNUSED_MS = 30 * 24 * 60 * 60_000;

export type SuiteDeps = { readonly cacheDir: string; readonly recipesDir: string; readonly clock: Clock };

/** Removes those that were not used for a month; returns their names. */
export async function sweepSuites({ cacheDir, recipesDir, clock }: SuiteDeps): Promise<readonly string[]> {
  const root = join(cacheDir, "apt");
  const found = await readdir(root).catch(() => []); // ENOENT: nothing was ever built
  if (found.length === 0) return [];
  const recipes = await Promise.allSettled((await listRecipes(recipesDir)).map((name) => loadRecipe(recipesDir, name)));
  const used = new Set(recipes.map((recipe) => (recipe.status === "fulfilled" ? recipe.value.suite : undefined)));
  if (used.has(undefined)) return []; // of which suite a recipe is that can not be read, nobody knows
  const swept: string[] = [];
  for (const suite of found.filter((name) => !used.has(name))) {
    const claimed = await stat(join(root, suite, "claims")).catch(() => undefined); // ENOENT: never got that far
    if (claimed && clock.now() - claimed.mtimeMs < UNUSED_MS) continue;
    await removeTree(join(root, suite), { under: root });
    swept.push(suite);
  }
  return swept;
}
