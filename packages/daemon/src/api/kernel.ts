/** Handlers of `kernel.*`. */
import { KernelId } from "@banger/contract/ids";
import type { Kernel } from "../services/kernel/kernel-manifest.ts";
import type { OperationContext } from "../services/operation/operation-registry.ts";
import type { Area, Services } from "./context.ts";

export function kernelHandlers({ kernels, operations, usersOf }: Services): Area<"kernel"> {
  const view = async ({ manifest }: Pick<Kernel, "manifest">) => ({
    id: KernelId.parse(manifest.id),
    name: manifest.name,
    release: manifest.kernelRelease,
    architecture: manifest.architecture,
    createdAt: manifest.createdAt,
    bytes: await kernels.bytesOnDisk(manifest.id),
    usedBy: [...usersOf(manifest.id)],
  });
  return {
    "kernel.pull": ({ name }, { connection }) => {
      const what = { kind: "kernel.pull", subject: name, owner: connection } as const;
      const pull = async ({ signal, onStage }: OperationContext) =>
        await view(await kernels.pull(name, { signal, progress: onStage }));
      return { operation: operations.begin(what, pull) };
    },
    "kernel.list": async () => ({ kernels: await Promise.all((await kernels.list()).entries.map(view)) }),
    "kernel.show": async ({ ref }, { signal }) => await view(await kernels.show(ref, { signal })),
    "kernel.delete": async ({ ref }) => ({ id: KernelId.parse((await kernels.remove(ref)).id) }),
  };
}
