/** `kernel pull debian`: from the package that Debian's metapackage names to a bundle in the content store. */
import { join } from "node:path";
import { requireFreeSpace } from "@banger/platform/fs/free-space";
import { removeTree } from "@banger/platform/fs/remove-tree";
import type { Clock } from "@banger/platform/time/clock";
import { contentId } from "../content/content-id.ts";
import type { ContentStore } from "../content/content-store.ts";
import type { Progress } from "../content/shared-work.ts";
import { soundEntry } from "../content/use-entry.ts";
import type { ListedPackage } from "../debian/apt-output.ts";
import { readDebianSources } from "../debian/host-sources.ts";
import { type AptDeps, PrivateApt } from "../debian/private-apt.ts";
import { requireSpace } from "../storage/space.ts";
import { buildKernel } from "./build-kernel.ts";
import {
  BUNDLE_FORMAT,
  checkKernel,
  describeFile,
  KERNEL_FILES,
  type Kernel,
  type KernelManifest,
} from "./kernel-manifest.ts";
import { fetchPackage, resolveKernel } from "./kernel-package.ts";

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
const LISTS_BYTES = 200 * 2 ** 20;
/** for each byte of the package: it and its unpacked files, and the bundle made of them; 9 in all were seen */
const WORK_PER_PACKAGE_BYTE = 7;
const BUNDLE_PER_PACKAGE_BYTE = 7;
const UNPACK_DEADLINE_MS = 10 * 60_000;

export async function pullDebian(deps: PullDeps, context: PullContext): Promise<Kernel> {
  const { signal, progress, workDir, packagesDir } = context;
  await requireFreeSpace(workDir, { neededBytes: LISTS_BYTES, what: "reading Debian's package lists" });
  progress({ name: "read package lists" });
  const sources = await readDebianSources(deps.aptHost);
  const apt = await PrivateApt.open(deps, join(workDir, "apt"), { sources, of: "Debian", signal });
  await apt.update({ signal }); // lists that fail are forgiven while the others have the kernel
  const pkg = await resolveKernel(apt, { signal });
  const inputs = { kind: "kernel", format: BUNDLE_FORMAT, package: pkg.name, version: pkg.version, sha256: pkg.sha256 };
  const id = contentId(inputs);
  const existing = await soundEntry(deps.store, id, (kernel) => checkKernel(kernel, { depth: "checksums", signal }));
  if (existing) return existing;
  await requireSpace(`the kernel ${pkg.version}`, [
    { path: workDir, bytes: pkg.bytes * WORK_PER_PACKAGE_BYTE },
    { path: await deps.store.directory(), bytes: pkg.bytes * BUNDLE_PER_PACKAGE_BYTE },
  ]);
  const deb = await fetchPackage(apt, pkg, { packagesDir, workDir, signal, progress });
  return await deps.store.publish(
    id,
    (outDir, inner) => bundle(deps, { id, pkg, deb, outDir, workDir, progress, signal: inner.signal }),
    { signal },
  );
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
