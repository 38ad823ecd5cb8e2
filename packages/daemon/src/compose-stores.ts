/** The part of composing that concerns images and kernels. Called by compose.ts only. */
import { join } from "node:path";
import type { ImageId, KernelId } from "@banger/contract/ids";
import type { DaemonPaths } from "./config.ts";
import type { Ports } from "./ports.ts";
import { ContentStore } from "./services/content/content-store.ts";
import { createStagingOwner } from "./services/content/owner.ts";
import { DEBIAN_HOST } from "./services/debian/host-sources.ts";
import { ImageService, imageRootFile, imageWorkSeed } from "./services/image/image-service.ts";
import { ImageManifest } from "./services/image/manifest.ts";
import { KERNEL_FILES, KernelManifest } from "./services/kernel/kernel-manifest.ts";
import { KernelService } from "./services/kernel/kernel-service.ts";
import type { BootFiles } from "./services/vm/deps.ts";

export type Stores = { readonly images: ImageService; readonly kernels: KernelService };

export function composeStores(parts: {
  ports: Ports;
  paths: DaemonPaths;
  usersOf: (id: string) => readonly string[];
}): Stores {
  const { ports, paths, usersOf } = parts;
  const { exec, clock, log, proxyEnv, builder } = ports;
  const owner = createStagingOwner(ports.processes, ports.pid);
  const imageStore = new ContentStore({ root: paths.images, kind: "image", schema: ImageManifest, owner });
  const kernelStore = new ContentStore({ root: paths.kernels, kind: "kernel", schema: KernelManifest, owner });
  const shared = { exec, clock, owner, proxyEnv, aptHost: DEBIAN_HOST };
  return {
    images: new ImageService({
      ...shared,
      ...{ log, builder, store: imageStore, cacheDir: paths.imageCache },
      ...{ recipesDir: paths.recipes, usedBy: usersOf },
    }),
    kernels: new KernelService({
      ...shared,
      ...{ store: kernelStore, cacheDir: paths.kernelCache, initramfsDir: paths.initramfs },
      usedBy: (id) => Promise.resolve(usersOf(id)),
    }),
  };
}

type Waiting = { readonly signal: AbortSignal };

/** What capabilities and the boot ask of the stores. */
export function bootSources(
  { images, kernels }: Stores,
  options: { agent: string; kernelFile: keyof typeof KERNEL_FILES },
) {
  return {
    imageFile: async (id: ImageId, _waiting: Waiting) => {
      const image = await images.show(id);
      const root = imageRootFile(image);
      const bytes = image.manifest.files.find(({ name }) => root.endsWith(`/${name}`))?.bytes ?? 0;
      return { path: root, bytes };
    },
    seed: async (id: ImageId, _waiting: Waiting) => imageWorkSeed(await images.show(id)),
    verifyImage: (id: ImageId, waiting: Waiting) => images.verify(id, waiting),
    verifyKernel: (id: KernelId, waiting: Waiting) => kernels.verify(id, options.agent, waiting),
    modulesFile: async (id: KernelId, waiting: Waiting) =>
      join((await kernels.show(id, waiting)).dir, KERNEL_FILES.modules),
    bootFiles: async (id: string, waiting: Waiting): Promise<BootFiles> => {
      const kernel = await kernels.show(id, waiting);
      const initramfs = await kernels.ensureInitramfs(kernel, options.agent);
      return { kernel: join(kernel.dir, KERNEL_FILES[options.kernelFile]), initramfs: initramfs.path };
    },
  };
}
