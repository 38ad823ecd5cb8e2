import assert from "node:assert/strict";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { AppError } from "@banger/contract/errors";
import { closestName } from "./closest-name.ts";
import { wantedPackages } from "./mmdebstrap.ts";
import { listRecipes, loadRecipe, parseRecipe } from "./recipe.ts";

const RECIPES = fileURLToPath(new URL("../../../../../images", import.meta.url));
const GOOD = { description: "d", suite: "bookworm", install: "unpack", init: null, packages: { bash: "a shell" } };

function complaint(recipe: unknown): string {
  try {
    parseRecipe(typeof recipe === "string" ? recipe : JSON.stringify(recipe), "recipe.json");
  } catch (error) {
    assert.ok(AppError.is(error, "CONFIG_INVALID"));
    return error.message;
  }
  return "";
}

test("the recipes that come with banger are sound", async () => {
  assert.deepEqual(await listRecipes(RECIPES), ["debian-bookworm", "minimal"]);
  const debian = await loadRecipe(RECIPES, "debian-bookworm");
  assert.equal(debian.init, "/sbin/init");
  for (const name of ["systemd", "openssh-server", "git", "docker.io", "build-essential"]) {
    assert.ok(name in debian.packages, name);
  }
  assert.ok(wantedPackages(debian).includes("?essential"));
  const minimal = await loadRecipe(RECIPES, "minimal");
  assert.equal(minimal.init, null);
  assert.ok(!wantedPackages(minimal).includes("?essential"));
  assert.notEqual(debian.sha256, minimal.sha256);
});

test("a recipe that is wrong is refused with what is wrong and what was meant", () => {
  assert.equal(complaint(GOOD), "");
  assert.equal(complaint("{"), "recipe.json is not JSON");
  assert.match(complaint({ ...GOOD, pakages: {} }), /^recipe.json: unknown key "pakages", did you mean "packages"\?$/);
  assert.match(complaint({ ...GOOD, zzzzz: 1 }), /unknown key "zzzzz"$/);
  assert.match(complaint({ ...GOOD, suite: "Bookworm/x" }), /suite: must be a code name such as bookworm/);
  assert.match(complaint({ ...GOOD, install: "copy" }), /install: /);
  assert.match(complaint({ ...GOOD, init: "sbin/init" }), /init: /);
  assert.match(complaint({ ...GOOD, packages: {} }), /packages: names no package/);
  assert.match(complaint({ ...GOOD, packages: { bash: "" } }), /packages.bash: needs its reason/);
  assert.match(complaint({ ...GOOD, packages: { "bash;rm -rf": "x" } }), /is not the name of a package/);
  assert.match(complaint({ ...GOOD, packages: { "--aptopt": "x" } }), /is not the name of a package/);
  assert.match(complaint([]), /the recipe: /);
  const { suite: _, ...without } = GOOD;
  assert.match(complaint(without), /suite: /);
});

test("an unknown recipe is not found, with a suggestion", async () => {
  await assert.rejects(loadRecipe(RECIPES, "debian-bokworm"), {
    code: "IMAGE_NOT_FOUND",
    hint: "Did you mean debian-bookworm?",
  });
  await assert.rejects(loadRecipe(RECIPES, "debian"), { hint: "Did you mean debian-bookworm?" });
  await assert.rejects(loadRecipe(RECIPES, "gentoo"), { hint: "There are recipes for debian-bookworm, minimal." });
  await assert.rejects(loadRecipe(RECIPES, "../images/minimal"), { code: "IMAGE_NOT_FOUND" });
});

test("every byte of a recipe counts for its digest, and a missing part is named", async () => {
  const dir = await mkdtemp(join(tmpdir(), "recipes-"));
  try {
    await cp(join(RECIPES, "minimal"), join(dir, "minimal"), { recursive: true });
    const before = await loadRecipe(dir, "minimal");
    assert.equal(before.sha256, (await loadRecipe(RECIPES, "minimal")).sha256);
    await writeFile(join(dir, "minimal/setup.sh"), `${before.setup}\n`);
    assert.notEqual((await loadRecipe(dir, "minimal")).sha256, before.sha256);
    await rm(join(dir, "minimal/setup.sh"));
    await assert.rejects(loadRecipe(dir, "minimal"), {
      code: "FILE_UNREADABLE",
      message: /setup\.sh can not be read$/,
    });
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});

test("suggestions are close, or part of a name, or none", () => {
  assert.equal(closestName("minmal", ["debian-bookworm", "minimal"]), "minimal");
  assert.equal(closestName("bookworm", ["debian-bookworm", "minimal"]), "debian-bookworm");
  assert.equal(closestName("xy", ["ab"]), undefined);
  assert.equal(closestName("", ["minimal"]), undefined);
});
