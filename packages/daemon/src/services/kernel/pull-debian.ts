/** `kernel pull debian`: from the package that Debian's metapackage names to a bundle in the content store. */
import { link, mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { requireFreeSpace } from "@banger/platform/fs/free-space";
import { removeTree } from "@banger/platform/fs/remove-tree";
import type { Clock } from "@banger/platform/time/clock";
import type { ListedPackage } from "../debian/apt-output.ts";
import { readDebianSources } from "../debian/host-sources.ts";
import { type AptDeps, PrivateApt } from "../debian/private-apt.ts";
import type { ContentStore } from "../storage/content-store.ts";
import { contentId } from "../storage/content-store-id.ts";
import type { Progress } from "../storage/content-store-shared-work.ts";
import { soundEntry } from "../storage/content-store-use.ts";
import { buildKernel } from "./build-kernel.ts";
import {
  BUNDLE_FORMAT,
  checkKernel,
  describeFile,
  KERNEL_FILES,
  type Kernel,
  type KernelManifest,
  sha256OfFile,
} from "./kernel-manifest.ts";

export type PullDeps = AptDeps & {
  readonly clock: Clock;
  readonly store: ContentStore<KernelManifest>;
};
export type PullContext = {
  /** empty, ours alone, removed by the caller */
  readonly workDir: string;
  /** keeps the package, so that pulling again downloads nothing */
  readonly packagesDir: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
};

export const DEBIAN_KERNEL = "debian";
const METAPACKAGE = "linux-image-cloud-amd64";
const LISTS_BYTES = 200 * 2 ** 20;
/** unpacked files, bundle and package, for each byte of the package; 9 were seen */
const SPACE_PER_PACKAGE_BYTE = 14;
const UNPACK_DEADLINE_MS = 10 * 60_000;

export async function pullDebian(deps: PullDeps, context: PullContext): Promise<Kernel> {
  const { signal, progress, workDir, packagesDir } = context;
  await requireFreeSpace(workDir, { neededBytes: LISTS_BYTES, what: "reading Debian's package lists" });
  progress({ name: "read package lists" });
  const aptDir = join(workDir, "apt");
  await mkdir(aptDir);
  const sources = await readDebianSources(deps.aptHost);
  const apt = await PrivateApt.open(deps, aptDir, { sources, of: "Debian", signal });
  await apt.update({ signal }); // lists that fail are forgiven while the others have the kernel
  const pkg = await resolveKernel(apt, { signal });
  const inputs = { kind: "kernel", format: BUNDLE_FORMAT, package: pkg.name, version: pkg.version, sha256: pkg.sha256 };
  const id = contentId(inputs);
  const existing = await soundEntry(deps.store, id, (kernel) => checkKernel(kernel, { depth: "checksums", signal }));
  if (existing) return existing;
  await requireFreeSpace(workDir, {
    neededBytes: pkg.bytes * SPACE_PER_PACKAGE_BYTE,
    what: `the kernel ${pkg.version}`,
  });
  const deb = await fetchPackage(apt, pkg, { packagesDir, workDir, signal, progress });
  return await deps.store.publish(
    id,
    (outDir, inner) => bundle(deps, { id, pkg, deb, outDir, workDir, progress, signal: inner.signal }),
    { signal },
  );
}

async function resolveKernel(apt: PrivateApt, { signal }: { signal: AbortSignal }): Promise<ListedPackage> {
  const meta = await apt.show(METAPACKAGE, { signal });
  for (const dependency of meta.depends) {
    const match = /^(linux-image-[a-z0-9.+~-]+)(?:\s*\(=\s*([^\s)]+)\))?$/.exec(dependency);
    if (!match?.[1]) continue;
    return await apt.show(match[1], { signal, ...(match[2] === undefined ? {} : { version: match[2] }) });
  }
  throw new AppError("DOWNLOAD_FAILED", `${METAPACKAGE} ${meta.version} names no kernel package`);
}

async function fetchPackage(
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

type BundleInput = {
  readonly id: string;
  readonly pkg: ListedPackage;
  readonly deb: string;
  readonly outDir: string;
  readonly workDir: string;
  readonly signal: AbortSignal;
  readonly progress: Progress;
};

async function bundle(deps: PullDeps, input: BundleInput): Promise<KernelManifest> {
  const { id, pkg, deb, outDir, workDir, signal, progress } = input;
  const packageDir = join(workDir, "package");
  progress({ name: "extract" });
  await deps.exec.run(["dpkg-deb", "-x", deb, packageDir], { signal, deadlineMs: UNPACK_DEADLINE_MS });
  const kernelRelease = await buildKernel({ exec: deps.exec }, { id, packageDir, outDir, signal, progress });
  const files = [];
  for (const name of Object.values(KERNEL_FILES)) files.push(await describeFile(outDir, name));
  await removeTree(packageDir, { under: workDir });
  return {
    id,
    name: DEBIAN_KERNEL,
    distro: "debian",
    package: pkg.name,
    version: pkg.version,
    kernelRelease,
    architecture: pkg.architecture,
    createdAt: new Date(deps.clock.now()).toISOString(),
    files,
  };
}
