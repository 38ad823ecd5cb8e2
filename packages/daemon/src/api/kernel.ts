/** Handlers of `kernel.*`. */
import { KernelId } from "@banger/contract/ids";
import type { Kernel, KernelManifest } from "../services/kernel/kernel-manifest.ts";
import type { OperationContext } from "../services/operation/operation-registry.ts";
import type { Area, Services } from "./context.ts";

export function kernelHandlers({ kernels, operations, usersOf }: Services): Area<"kernel"> {
  const view = ({ manifest }: Pick<Kernel, "manifest">) => kernelView(manifest, usersOf);
  return {
    "kernel.pull": ({ name }, { connection }) => {
      const what = { kind: "kernel.pull", subject: name, owner: connection } as const;
      const pull = async ({ signal, onStage }: OperationContext) =>
        view(await kernels.pull(name, { signal, progress: onStage }));
      return { operation: operations.begin(what, pull) };
    },
    "kernel.list": async () => ({ kernels: (await kernels.list()).entries.map(view) }),
    "kernel.show": async ({ ref }, { signal }) => view(await kernels.show(ref, { signal })),
    "kernel.delete": async ({ ref }) => ({ id: KernelId.parse((await kernels.remove(ref)).id) }),
  };
}

function kernelView(manifest: KernelManifest, usersOf: Services["usersOf"]) {
  return {
    id: KernelId.parse(manifest.id),
    name: manifest.name,
    release: manifest.kernelRelease,
    architecture: manifest.architecture,
    createdAt: manifest.createdAt,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    usedBy: [...usersOf(manifest.id)],
  };
}
