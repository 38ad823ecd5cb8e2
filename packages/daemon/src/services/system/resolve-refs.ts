/** Several references looked up at the same moment; what means nothing stops none of the others. */
import type { ResolvedRef } from "@banger/contract/daemon/ref";
import { errorView } from "../operation/error-view.ts";

/** What a reference means among what there was at one moment. Throws what a single look-up throws. */
export type IdOf = (ref: string) => string;

export function resolveRefs(refs: readonly string[], idOf: IdOf): ResolvedRef[] {
  return refs.map((ref) => {
    try {
      return { ref, id: idOf(ref) };
    } catch (error) {
      return { ref, error: errorView(error) };
    }
  });
}
