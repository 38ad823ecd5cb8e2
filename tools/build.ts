/**
 * Bundles the command line and the daemon into one CommonJS file each, writes the manual pages, and build/ready.sh, by which ./banger
 * sees without a fork whether the build is still good. Does nothing but that when no input has changed, so that
 * the build time (by which a daemon knows a command line of another build) stays what it was.
 */
import { copyFile, mkdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BuildFailure, type BuildOptions, build } from "esbuild";
import { type BuildInputs, recordInputs, sameInputs } from "./bundle/inputs.ts";
import { readySh } from "./bundle/ready.ts";
import { readSourceState, type SourceState } from "./bundle/source-state.ts";
import { writeManPages } from "./man.ts";

const root = join(import.meta.dirname, "..");
const recordFile = join(root, "build/inputs.json");
const readyFile = join(root, "build/ready.sh");

const bundles = [
  // Read at every start: a third less of it is 3 ms of processor time.
  { entry: "packages/cli/src/main.ts", outfile: "build/cli/banger.cjs", dense: true },
  { entry: "packages/daemon/src/main.ts", outfile: "build/daemon/bangerd.cjs", dense: false },
];

async function main(): Promise<void> {
  const startedAt = new Date();
  const source = await readSourceState(root);
  const recorded = await readRecord();
  const inputs =
    recorded !== undefined && (await sameInputs(root, { recorded, source }))
      ? Object.keys(recorded.files)
      : await bundleAll(source, startedAt);
  await writeReady([...inputs, ...bundles.map(({ entry }) => entry), ...source.watched], startedAt);
}

async function bundleAll(source: SourceState, startedAt: Date): Promise<string[]> {
  await rm(recordFile, { force: true });
  await mkdir(join(root, "build/cli"), { recursive: true });
  const inputs = new Set([
    "package.json",
    "package-lock.json",
    "tools/build.ts",
    "tools/man.ts",
    "tools/launch/start.cjs",
  ]);
  // Its other sources are those of the command line.
  inputs.add("packages/cli/src/program/man-page.ts");
  for (const bundle of bundles) {
    const result = await build({
      ...options({ source, startedAt }),
      entryPoints: [bundle.entry],
      outfile: bundle.outfile,
      ...{ minifyWhitespace: bundle.dense, minifySyntax: bundle.dense },
    });
    for (const input of Object.keys(result.metafile?.inputs ?? {})) inputs.add(input);
  }
  await copyFile(join(root, "tools/launch/start.cjs"), join(root, "build/cli/start.cjs"));
  await writeManPages(join(root, "build/man"), source);
  const record = await recordInputs(root, { files: inputs, source, outputs: bundles.map(({ outfile }) => outfile) });
  await writeWhole(recordFile, JSON.stringify(record));
  return [...inputs];
}

function options({ source, startedAt }: { source: SourceState; startedAt: Date }): BuildOptions {
  return {
    absWorkingDir: root,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    metafile: true,
    sourcemap: "linked",
    legalComments: "none",
    logLevel: "warning",
    define: {
      BANGER_VERSION: JSON.stringify(source.version),
      BANGER_COMMIT: JSON.stringify(source.commit),
      BANGER_AGENT: JSON.stringify(source.agent),
      BANGER_BUILT_AT: JSON.stringify(startedAt.toISOString()),
      "import.meta.dirname": "__dirname",
      "import.meta.filename": "__filename",
    },
  };
}

async function readRecord(): Promise<BuildInputs | undefined> {
  const text = await readFile(recordFile, "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as BuildInputs);
}

async function writeReady(inputs: readonly string[], startedAt: Date): Promise<void> {
  // The lockfile stands for all that npm installed.
  await writeWhole(readyFile, readySh(inputs.filter((input) => !input.startsWith("node_modules/"))));
  // What changes while we build is newer than the build.
  await utimes(readyFile, startedAt, startedAt);
}

/** A reader sees the old file or the new one. */
async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text);
  await rename(`${path}.part`, path);
}

try {
  await main();
} catch (error) {
  // esbuild has printed what it did not like; anything else is told in one line.
  const { errors, message } = error as Partial<BuildFailure & Error>;
  if (errors === undefined) process.stderr.write(`tools/build.ts: ${message}\n`);
  process.exitCode = 1;
}
