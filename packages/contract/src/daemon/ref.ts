/** What several names or beginnings of ids mean, all at the same moment. */
import * as z from "zod";
import { Ref } from "../ids.ts";
import type { Methods } from "./method.ts";
import { ErrorView } from "./operation.ts";

export const RefKind = z.enum(["machine", "image", "kernel"]);
export type RefKind = z.infer<typeof RefKind>;

export const ResolvedRef = z.union([
  z.object({ ref: z.string(), id: z.string() }),
  z.object({ ref: z.string(), error: ErrorView }),
]);
export type ResolvedRef = z.infer<typeof ResolvedRef>;

const MAX_REFS = 10_000;

export const refMethods = {
  /** In the order in which they were asked; what means nothing says why. */
  "ref.resolve": {
    params: z.strictObject({ kind: RefKind, refs: z.array(Ref).max(MAX_REFS) }),
    result: z.object({ results: z.array(ResolvedRef) }),
    errors: [],
    effect: "read",
  },
} as const satisfies Methods;
