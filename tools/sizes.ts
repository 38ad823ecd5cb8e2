/**
 * Lines per source file (TypeScript and C, tests apart): prints median, p90 and longest file for each package,
 * and fails above the cap. A file may be longer only with a reason in `exceptions`.
 */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";

const cap = 300;

/** Files that may be longer than the cap, each with its reason. */
const exceptions: { readonly [path: string]: string } = {};

const patterns = ["packages/*/src/**/*.ts", "tools/**/*.ts", "bench/**/*.ts", "{native,guest}/*/**/*.{c,h}"];

const testFile = /(?:\.test|-conformance)\.ts$|\/test\//;

export type FileSize = { readonly path: string; readonly lines: number };

export async function readSizes(root: string): Promise<FileSize[]> {
  const found = await Array.fromAsync(glob(patterns, { cwd: root, exclude: ["**/node_modules"] }));
  const paths = found.filter((path) => !testFile.test(path)).sort();
  return await Promise.all(paths.map(async (path) => ({ path, lines: await countLines(join(root, path)) })));
}

async function countLines(path: string): Promise<number> {
  return (await readFile(path, "utf8")).split("\n").length - 1;
}

export function tooLong(sizes: readonly FileSize[], allowed: { readonly [path: string]: string }): string[] {
  const stale = Object.keys(allowed).filter((path) => !sizes.some((size) => size.path === path && size.lines > cap));
  return [
    ...sizes
      .filter(({ path, lines }) => lines > cap && !(path in allowed))
      .map(({ path, lines }) => `${path}: ${lines} lines; the cap is ${cap}`),
    ...stale.map((path) => `${path}: is listed as longer than ${cap} lines, but is not`),
  ];
}

/** One line for each folder of two names (`packages/vmm`), one name where there is no second. */
export function summary(sizes: readonly FileSize[]): string[] {
  const groups = Map.groupBy(sizes, ({ path }) => path.split("/").slice(0, -1).slice(0, 2).join("/"));
  const rows = [...groups].map(([folder, files]) => {
    const sorted = files.map(({ lines }) => lines).sort((a, b) => a - b);
    return [folder, files.length, quantile(sorted, 0.5), quantile(sorted, 0.9), sorted.at(-1) ?? 0];
  });
  const all = [["folder", "files", "median", "p90", "max"], ...rows];
  return all.map(
    ([name, ...cells]) => String(name).padEnd(20) + cells.map((cell) => String(cell).padStart(8)).join(""),
  );
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;
}

export async function checkSizes(root: string): Promise<string[]> {
  return tooLong(await readSizes(root), exceptions);
}

if (import.meta.main) {
  const root = join(import.meta.dirname, "..");
  process.stdout.write(`${summary(await readSizes(root)).join("\n")}\n`);
  const broken = await checkSizes(root);
  for (const line of broken) process.stderr.write(`${line}\n`);
  process.exitCode = broken.length === 0 ? 0 : 1;
}
