/** Handlers of `image.*`. */
import { ImageId } from "@banger/contract/ids";
import type { Image } from "../services/image/image-service.ts";
import type { OperationContext } from "../services/operation/operation-registry.ts";
import type { Area, Services } from "./context.ts";

export function imageHandlers({ images, operations, usersOf }: Services): Area<"image"> {
  const view = (image: Image) => imageView(image, usersOf);
  return {
    "image.build": ({ recipe }, { connection }) => {
      const what = { kind: "image.build", subject: recipe, owner: connection } as const;
      const build = async ({ signal, onStage }: OperationContext) =>
        view(await images.build(recipe, { signal, progress: onStage }));
      return { operation: operations.begin(what, build) };
    },
    "image.list": async () => ({ images: (await images.list()).entries.map(view) }),
    "image.show": async ({ ref }) => view(await images.show(ref)),
    "image.delete": async ({ ref }) => ({ id: ImageId.parse((await images.remove(ref)).id) }),
  };
}

function imageView({ manifest }: Image, usersOf: Services["usersOf"]) {
  return {
    id: ImageId.parse(manifest.id),
    name: manifest.name,
    architecture: manifest.architecture,
    init: manifest.init,
    createdAt: manifest.createdAt,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    usedBy: [...usersOf(manifest.id)],
  };
}
