/** Debian's newest kernel package: which one it is, and its file, checked against the signed lists. */
import { link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { Progress } from "../content/shared-work.ts";
import type { ListedPackage } from "../debian/apt-output.ts";
import type { PrivateApt } from "../debian/private-apt.ts";
import { sha256OfFile } from "../storage/file-digest.ts";

const METAPACKAGE = "linux-image-cloud-amd64";

export async function resolveKernel(apt: PrivateApt, { signal }: { signal: AbortSignal }): Promise<ListedPackage> {
  const meta = await apt.show(METAPACKAGE, { signal });
  for (const dependency of meta.depends) {
    const match = /^(linux-image-[a-z0-9.+~-]+)(?:\s*\(=\s*([^\s)]+)\))?$/.exec(dependency);
    if (!match?.[1]) continue;
    return await apt.show(match[1], { signal, ...(match[2] === undefined ? {} : { version: match[2] }) });
  }
  throw new AppError("DOWNLOAD_FAILED", `${METAPACKAGE} ${meta.version} names no kernel package`);
}

/**
 * Returns the package's file in `workDir`. One is kept in `packagesDir`, so that pulling again downloads nothing.
 */
export async function fetchPackage(
  apt: PrivateApt,
  pkg: ListedPackage,
  options: { packagesDir: string; workDir: string; signal: AbortSignal; progress: Progress },
): Promise<string> {
  const { packagesDir, workDir, signal, progress } = options;
  const report = (fraction: number) =>
    progress({ name: "download kernel", doneBytes: Math.round(pkg.bytes * fraction), totalBytes: pkg.bytes });
  report(0);
  await mkdir(packagesDir, { recursive: true, mode: 0o700 });
  const kept = join(packagesDir, `${pkg.sha256}.deb`);
  const own = join(workDir, "package.deb");
  await link(kept, own).catch(() => undefined); // ENOENT: to be downloaded
  if (!(await isPackage(own, pkg, signal))) {
    await download(apt, pkg, { workDir, own, signal, report });
    await keepPackage({ own, kept, workDir, packagesDir });
  }
  report(1);
  return own;
}

async function download(
  apt: PrivateApt,
  pkg: ListedPackage,
  options: { workDir: string; own: string; signal: AbortSignal; report: (fraction: number) => void },
): Promise<void> {
  const { workDir, own, signal, report } = options;
  const into = join(workDir, "download");
  await mkdir(into);
  await apt.download(pkg, { into, signal, onFraction: report });
  const [name] = (await readdir(into)).filter((file) => file.endsWith(".deb"));
  if (name === undefined || !(await isPackage(join(into, name), pkg, signal))) {
    throw new AppError("DOWNLOAD_FAILED", `the package ${pkg.name} is not what the signed list says`);
  }
  await rename(join(into, name), own);
}

/** In place of all that was kept before: another pull that uses one of those has a link of its own. */
async function keepPackage(options: { own: string; kept: string; workDir: string; packagesDir: string }) {
  const { own, kept, workDir, packagesDir } = options;
  await link(own, join(workDir, "kept.deb"));
  await rename(join(workDir, "kept.deb"), kept);
  for (const other of await readdir(packagesDir)) {
    if (other !== basename(kept)) await rm(join(packagesDir, other), { force: true });
  }
}

async function isPackage(path: string, pkg: ListedPackage, signal: AbortSignal): Promise<boolean> {
  if ((await stat(path).catch(() => undefined))?.size !== pkg.bytes) return false; // ENOENT: not there
  return (await sha256OfFile(path, { signal })) === pkg.sha256;
}
