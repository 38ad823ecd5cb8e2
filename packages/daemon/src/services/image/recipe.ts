/**
 * Recipes: what an image is made of, as files in `images/NAME/`: `recipe.json` and `setup.sh`.
 *
 * Strict, with suggestions, because people write them by hand. Nothing is built here.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { NAME_PATTERN } from "@banger/contract/names";
import * as z from "zod";
import { closestName } from "./closest-name.ts";

const PACKAGE = /^[a-z0-9][a-z0-9+.-]+$/;

const RecipeFile = z.strictObject({
  /** one line for `image list` */
  description: z.string().min(1).max(120),
  /** code name of a Debian release */
  suite: z.string().regex(/^[a-z]+$/, "must be a code name such as bookworm"),
  /** `configure` installs as apt does, on top of what Debian requires; `unpack` runs no package's scripts and adds nothing */
  install: z.enum(["configure", "unpack"]),
  /** absolute path of the init, or null for an image in which the agent is PID 1 */
  init: z.string().startsWith("/").nullable(),
  /** name and the reason to have it */
  packages: z
    .record(z.string().regex(PACKAGE, "is not the name of a package"), z.string().min(1, "needs its reason"))
    .refine((packages) => Object.keys(packages).length > 0, "names no package"),
});

export type Recipe = z.infer<typeof RecipeFile> & {
  readonly name: string;
  /** text of `setup.sh`: run by sh as root in the new tree */
  readonly setup: string;
  /** over both files, hex */
  readonly sha256: string;
};

export async function listRecipes(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && NAME_PATTERN.test(entry.name))
    .map((entry) => entry.name)
    .sort();
}

/** Throws IMAGE_NOT_FOUND for a name that has no recipe, CONFIG_INVALID for a recipe that is wrong. */
export async function loadRecipe(dir: string, name: string): Promise<Recipe> {
  const names = await listRecipes(dir);
  if (!names.includes(name)) {
    const meant = closestName(name, names);
    const hint = meant === undefined ? `There are recipes for ${names.join(", ")}.` : `Did you mean ${meant}?`;
    throw new AppError("IMAGE_NOT_FOUND", `there is no recipe for an image ${JSON.stringify(name)}`, {
      facts: { recipe: name },
      hint,
    });
  }
  const json = await readPart(join(dir, name, "recipe.json"));
  const setup = await readPart(join(dir, name, "setup.sh"));
  const sha256 = createHash("sha256").update(json).update("\0").update(setup).digest("hex");
  return { ...parseRecipe(json, join(dir, name, "recipe.json")), name, setup, sha256 };
}

export function parseRecipe(text: string, path: string): z.infer<typeof RecipeFile> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new AppError("CONFIG_INVALID", `${path} is not JSON`, { facts: { path }, cause: error });
  }
  const parsed = RecipeFile.safeParse(json);
  if (parsed.success) return parsed.data;
  const complaint = parsed.error.issues.map(describeIssue).join("; ");
  throw new AppError("CONFIG_INVALID", `${path}: ${complaint}`, { facts: { path } });
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((key) => {
        const meant = closestName(key, Object.keys(RecipeFile.shape));
        return `unknown key "${key}"${meant === undefined ? "" : `, did you mean "${meant}"?`}`;
      })
      .join("; ");
  }
  if (issue.code === "invalid_key") {
    return `${issue.path.join(".")} ${issue.issues.map((inner) => inner.message).join(", ")}`;
  }
  return `${issue.path.join(".") || "the recipe"}: ${issue.message}`;
}

async function readPart(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new AppError("FILE_UNREADABLE", `${path} can not be read`, { facts: { path }, cause: error });
  }
}
