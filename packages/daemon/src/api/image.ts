/** Handlers of `image.*`. */
import { ImageId } from "@banger/contract/ids";
import type { Image } from "../services/image/image-service.ts";
import type { OperationContext } from "../services/operation/operation-registry.ts";
import type { Area, Services } from "./context.ts";

export function imageHandlers({ images, operations, usersOf }: Services): Area<"image"> {
  const view = async ({ manifest }: Image) => ({
    id: ImageId.parse(manifest.id),
    name: manifest.name,
    architecture: manifest.architecture,
    init: manifest.init,
    createdAt: manifest.createdAt,
    bytes: await images.bytesOnDisk(manifest.id),
    usedBy: [...usersOf(manifest.id)],
  });
  return {
    "image.build": ({ recipe }, { connection }) => {
      const what = { kind: "image.build", subject: recipe, owner: connection } as const;
      const build = async ({ signal, onStage }: OperationContext) =>
        await view(await images.build(recipe, { signal, progress: onStage }));
      return { operation: operations.begin(what, build) };
    },
    "image.list": async () => ({ images: await Promise.all((await images.list()).entries.map(view)) }),
    "image.show": async ({ ref }) => await view(await images.show(ref)),
    "image.delete": async ({ ref }) => ({ id: ImageId.parse((await images.remove(ref)).id) }),
  };
}
