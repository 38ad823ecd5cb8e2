/** Handlers of `image.*`. */
import type { ImageManifest } from "../services/image/manifest.ts";
import type { Area, Services } from "./context.ts";

export function imageHandlers({ images, operations, usersOf }: Services): Area<"image"> {
  const view = (manifest: ImageManifest) => ({
    id: manifest.id,
    name: manifest.name,
    architecture: manifest.architecture,
    init: manifest.init,
    createdAt: manifest.createdAt,
    bytes: manifest.files.reduce((sum, file) => sum + file.bytes, 0),
    usedBy: [...usersOf(manifest.id)],
  });
  return {
    "image.build": ({ recipe }, { connection }) => {
      images.checkRecipe(recipe);
      const what = { kind: "image.build", subject: recipe, owner: connection } as const;
      return { operation: operations.begin(what, async (context) => view(await images.build(recipe, context))) };
    },
    "image.list": async () => ({ images: (await images.list()).map(view) }),
    "image.show": async ({ ref }) => view(await images.show(ref)),
    "image.delete": async ({ ref }) => ({ id: (await images.remove(ref)).id }),
  };
}
