/** What nobody uses: looked at, or removed. */
import { type PruneItem, PruneResult } from "@banger/contract/daemon/prune";
import type { BangerClient } from "./client.ts";
import { type Follow, follow } from "./operation.ts";

export async function listPrunable(
  client: BangerClient,
  options: { signal?: AbortSignal } = {},
): Promise<readonly PruneItem[]> {
  return (await client.call("prune.list", {}, options)).items;
}

/** Removes it; what could not be removed is among the items, with the reason. */
export async function prune(client: BangerClient, options: Follow = {}): Promise<PruneResult> {
  const { operation } = await client.call("prune.run", {});
  return PruneResult.parse(await follow(client, operation, options));
}
