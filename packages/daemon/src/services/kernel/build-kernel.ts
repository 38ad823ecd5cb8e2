/** Makes the files of a kernel bundle from an unpacked kernel package. */
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import type { Progress } from "../content/shared-work.ts";
import { makeExt4 } from "../storage/ext4.ts";
import { giveToRoot } from "../storage/ext4-owners.ts";
import { ext4SizeFor, measureTree } from "../storage/ext4-size.ts";
import { type EarlyModule, modulesArchive } from "./initramfs.ts";
import { KERNEL_FILES } from "./kernel-manifest.ts";
import { loadOrder, moduleName, WANTED_MODULES } from "./module-order.ts";
import { unpackModules } from "./unpack-modules.ts";
import { extractVmlinux } from "./vmlinux.ts";

export type BuildInput = {
  /** the bundle's id, from which the file system's UUID comes */
  readonly id: string;
  /** the unpacked package; it is changed */
  readonly packageDir: string;
  readonly outDir: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
};

const DEPMOD_DEADLINE_MS = 5 * 60_000;

/** Returns the kernel's release. */
export async function buildKernel({ exec }: { exec: Exec }, input: BuildInput): Promise<string> {
  const { packageDir, outDir, signal, progress } = input;
  progress({ name: "extract" });
  const release = await kernelRelease(packageDir);
  const vmlinuz = await readFile(join(packageDir, "boot", `vmlinuz-${release}`));
  await writeFile(join(outDir, KERNEL_FILES.vmlinuz), vmlinuz, { signal });
  await writeFile(join(outDir, KERNEL_FILES.vmlinux), await extractVmlinux(vmlinuz, { signal }), { signal });
  progress({ name: "modules" });
  const modulesDir = await modulesAt(packageDir, release);
  await unpackModules(modulesDir, { signal });
  await depmod(exec, { packageDir, release, signal });
  const early = await earlyModules(modulesDir, { signal });
  await writeFile(join(outDir, KERNEL_FILES.initramfsModules), modulesArchive(early), { signal });
  await makeModulesDisk(exec, input, join(packageDir, "lib/modules"));
  return release;
}

async function kernelRelease(packageDir: string): Promise<string> {
  const names = await readdir(join(packageDir, "boot")).catch(() => []); // ENOENT: no kernel package at all
  const [first, ...others] = names.filter((name) => name.startsWith("vmlinuz-"));
  if (!first || others.length > 0) {
    throw new AppError("BUILD_FAILED", `the package has ${others.length + (first ? 1 : 0)} kernels instead of one`);
  }
  return first.slice("vmlinuz-".length);
}

/** Newer packages have their modules in /usr/lib; depmod and we look in /lib. */
async function modulesAt(packageDir: string, release: string): Promise<string> {
  const wanted = join(packageDir, "lib/modules", release);
  if (await isDirectory(wanted)) return wanted;
  const merged = join(packageDir, "usr/lib/modules", release);
  if (!(await isDirectory(merged))) throw new AppError("BUILD_FAILED", `the package has no modules of ${release}`);
  await mkdir(join(packageDir, "lib/modules"), { recursive: true });
  await rename(merged, wanted);
  return wanted;
}

async function depmod(
  exec: Exec,
  { packageDir, release, signal }: { packageDir: string; release: string; signal: AbortSignal },
): Promise<void> {
  // What the package's scripts would leave as links to the headers means nothing here.
  for (const link of ["build", "source"]) await rm(join(packageDir, "lib/modules", release, link), { force: true });
  const argv = ["depmod", "-b", packageDir, "-F", join(packageDir, "boot", `System.map-${release}`), release];
  const withMap = await isFile(join(packageDir, "boot", `System.map-${release}`));
  await exec.run(withMap ? argv : ["depmod", "-b", packageDir, release], { signal, deadlineMs: DEPMOD_DEADLINE_MS });
}

async function earlyModules(modulesDir: string, { signal }: { signal: AbortSignal }): Promise<readonly EarlyModule[]> {
  const text = (name: string) => readFile(join(modulesDir, name), "utf8");
  const order = loadOrder(WANTED_MODULES, { dep: await text("modules.dep"), builtin: await text("modules.builtin") });
  const modules: EarlyModule[] = [];
  for (const path of order) {
    signal.throwIfAborted();
    modules.push({ file: `${moduleName(path)}.ko`, content: await readFile(join(modulesDir, path)) });
  }
  return modules;
}

async function makeModulesDisk(exec: Exec, { id, outDir, signal }: BuildInput, fromDir: string): Promise<void> {
  const content = await measureTree(fromDir, { signal });
  const file = join(outDir, KERNEL_FILES.modules);
  const sizeBytes = ext4SizeFor(content, { journalMib: "none" });
  await makeExt4(exec, file, { sizeBytes, identity: id, label: "modules", journalMib: "none", fromDir, signal });
  await giveToRoot(exec, file, { dir: fromDir, signal });
}

async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false; // ENOENT
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false; // ENOENT
}
