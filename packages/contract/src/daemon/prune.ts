/** What could be removed because nobody uses it: machines that do not run, and what lies in quarantine. */
import * as z from "zod";
import { OperationId, VmId } from "../ids.ts";
import { VmName } from "../names.ts";
import type { Methods } from "./method.ts";
import { ErrorView } from "./operation.ts";
import { VmState } from "./vm.ts";

/** what it takes on the host's disk, bytes */
const bytes = z.number();

export const PruneItem = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("machine"),
    id: VmId,
    name: VmName,
    state: VmState,
    /** ISO 8601 */
    createdAt: z.string(),
    bytes,
  }),
  /** a directory that no machine owns */
  z.object({ kind: z.literal("quarantine"), name: z.string(), bytes }),
]);
export type PruneItem = z.infer<typeof PruneItem>;

/** One that was removed, or with why it could not be. */
export const Pruned = z.intersection(PruneItem, z.object({ error: ErrorView.optional() }));
export type Pruned = z.infer<typeof Pruned>;

/** What the operation comes to. */
export const PruneResult = z.object({ items: z.array(Pruned) });
export type PruneResult = z.infer<typeof PruneResult>;

export const pruneMethods = {
  "prune.list": {
    params: z.strictObject({}),
    result: z.object({ items: z.array(PruneItem) }),
    errors: [],
    effect: "read",
  },
  "prune.run": {
    params: z.strictObject({}),
    result: z.object({ operation: OperationId }),
    errors: [],
    effect: "write",
  },
} as const satisfies Methods;
