/** Reads source files as text: what they import, and what they say besides comments. Nothing is resolved or run. */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";

export type SourceFile = {
  /** from the root of the checkout, with forward slashes */
  readonly path: string;
  /** text with its comments blanked, line by line as it was */
  readonly code: string;
  readonly imports: readonly string[];
};

export async function readSources(root: string): Promise<SourceFile[]> {
  const paths = await Array.fromAsync(glob("packages/*/src/**/*.ts", { cwd: root }));
  return await Promise.all(
    paths.sort().map(async (path) => parseSource(path, await readFile(join(root, path), "utf8"))),
  );
}

export function parseSource(path: string, text: string): SourceFile {
  const code = blankComments(text);
  return { path, code, imports: importsOf(code) };
}

const stringOrComment = /("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;

function blankComments(text: string): string {
  return text.replace(stringOrComment, (found, string?: string) => string ?? found.replace(/[^\n]/g, " "));
}

const importOrExport = /\b(?:from\s+|import\s+|import\s*\(\s*)"([^"\n]+)"/g;

function importsOf(code: string): string[] {
  return [...code.matchAll(importOrExport)].flatMap(([, specifier]) => specifier ?? []);
}
