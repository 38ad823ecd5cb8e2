/** Handlers of `ref.*`. */
import { resolveRefs } from "../services/system/resolve-refs.ts";
import type { Area, Services } from "./context.ts";

export function refHandlers({ vm, images, kernels }: Services): Area<"ref"> {
  const snapshots = {
    machine: () => vm.idOf(),
    image: () => images.idOf(),
    kernel: () => kernels.idOf(),
  };
  return {
    "ref.resolve": async ({ kind, refs }) => ({ results: resolveRefs(refs, await snapshots[kind]()) }),
  };
}
