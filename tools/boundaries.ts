/**
 * Checks the packages against the tables in boundaries/rules.ts and prints what breaks them. Also finds rules that
 * have gone stale: a package without a rule, a rule that names what does not exist.
 */
import { glob } from "node:fs/promises";
import { join } from "node:path";
import { type PackageRule, packageRules, type TextRule, textRules } from "./boundaries/rules.ts";
import { readSources, type SourceFile } from "./boundaries/source.ts";

/** Files of a package that are not part of the product. */
const testFile = /(?:\.test|-fake|-conformance|-for-tests)\.ts$|\/(?:fake|conformance|testing)\//;
const testOnly = ["fast-check"];

export function checkImports(file: SourceFile, rules: { readonly [name: string]: PackageRule }): string[] {
  const [, name = ""] = file.path.split("/");
  const rule = rules[name];
  if (rule === undefined) return [`${file.path}: package ${name} has no rule in tools/boundaries/rules.ts`];
  const isTest = testFile.test(file.path);
  return file.imports
    .filter((specifier) => !mayImport(specifier, { name, rule, isTest }))
    .map((specifier) => `${file.path}: ${name} may not import ${specifier}: ${rule.reason}`);
}

function mayImport(specifier: string, { name, rule, isTest }: { name: string; rule: PackageRule; isTest: boolean }) {
  if (specifier.startsWith(".")) return !specifier.includes("/src/") && specifier.endsWith(".ts");
  if (specifier.startsWith("node:")) return rule.node || isTest;
  if (specifier.startsWith("@banger/")) {
    const target = specifier.slice("@banger/".length);
    return [name, ...rule.packages].some((allowed) => target.startsWith(`${allowed}/`));
  }
  return [...rule.npm, ...(isTest ? testOnly : [])].some((npm) => specifier === npm || specifier.startsWith(`${npm}/`));
}

export function checkText(file: SourceFile, rules: readonly TextRule[]): string[] {
  if (testFile.test(file.path)) return [];
  return rules
    .filter(({ within }) => within === undefined || within.some((place) => covers(place, file.path)))
    .filter(({ except }) => !except.some((place) => covers(place, file.path)))
    .flatMap(({ name, forbidden, reason }) => {
      const found = forbidden.exec(file.code);
      if (found === null) return [];
      const line = file.code.slice(0, found.index).split("\n").length;
      return [`${file.path}:${line}: ${found[0].split("\n")[0]} (${name}): ${reason}`];
    });
}

/** Whether a place of a rule (a file, or a folder with a slash at its end) is or holds the path. */
function covers(place: string, path: string): boolean {
  const pattern = place.replace(/[.]/g, "\\.").replace("*", "[^/]+");
  return new RegExp(`^${pattern}${place.endsWith("/") ? "" : "$"}`).test(path);
}

export type RuleTables = {
  readonly packages: { readonly [name: string]: PackageRule };
  readonly texts: readonly TextRule[];
};

/** Rules about things that are not there protect nothing; `packages` are the folders that exist. */
export function checkTables(tables: RuleTables, tree: { packages: readonly string[]; files: readonly string[] }) {
  const places = tables.texts.flatMap(({ within = [], except }) => [...within, ...except]);
  const exists = (place: string) => tree.files.some((file) => covers(place, file));
  return [
    ...tree.packages.filter((name) => !(name in tables.packages)).map((name) => `packages/${name} has no rule`),
    ...Object.keys(tables.packages)
      .filter((name) => !tree.packages.includes(name))
      .map((name) => `a rule names packages/${name}, which does not exist`),
    ...places.filter((place) => !exists(place)).map((place) => `a rule names ${place}, which does not exist`),
  ];
}

/** What a package may import and does not, it shall not: nobody would notice when it begins to. */
export function checkAllowances(sources: readonly SourceFile[], rules: RuleTables["packages"]): string[] {
  return Object.entries(rules).flatMap(([name, { packages, npm }]) => {
    const own = sources.filter(({ path }) => path.startsWith(`packages/${name}/`));
    const imported = new Set(own.flatMap(({ imports }) => imports));
    return [...packages.map((other) => `@banger/${other}`), ...npm]
      .filter((allowed) => ![...imported].some((one) => one === allowed || one.startsWith(`${allowed}/`)))
      .map((allowed) => `a rule lets ${name} import ${allowed}, which it does not`);
  });
}

export async function checkTree(root: string, tables: RuleTables): Promise<string[]> {
  const sources = await readSources(root);
  const folders = await Array.fromAsync(glob("packages/*/package.json", { cwd: root }));
  const packages = folders.map((path) => path.split("/")[1] ?? "");
  return [
    ...checkTables(tables, { packages, files: sources.map(({ path }) => path) }),
    ...checkAllowances(sources, tables.packages),
    ...sources.flatMap((file) => [...checkImports(file, tables.packages), ...checkText(file, tables.texts)]),
  ];
}

if (import.meta.main) {
  const broken = await checkTree(join(import.meta.dirname, ".."), { packages: packageRules, texts: textRules });
  for (const line of broken) process.stderr.write(`${line}\n`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
