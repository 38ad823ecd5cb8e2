/** Several references looked up at one moment, so that those which mean the same thing are found out. */
import type { RefKind, ResolvedRef } from "@banger/contract/daemon/ref";
import type { BangerClient } from "./client.ts";

/** In the order in which they are given. */
export async function resolveRefs(
  client: BangerClient,
  what: { readonly kind: RefKind; readonly refs: readonly string[] },
): Promise<readonly ResolvedRef[]> {
  const { results } = await client.call("ref.resolve", { kind: what.kind, refs: [...what.refs] });
  return results;
}
