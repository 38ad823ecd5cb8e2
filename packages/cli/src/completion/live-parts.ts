/** What a machine has that a line may name: only its daemon knows, and what holds for names holds for it. */
import type { BangerClient } from "@banger/sdk/client";
import type { FindOptions } from "@banger/sdk/daemon/find-daemon";
import type { MachinePart } from "../program/command.ts";
import type { Candidate } from "./complete.ts";
import { askDaemon } from "./live-names.ts";

type Ask = (client: BangerClient, ref: string, options: { signal: AbortSignal }) => Promise<readonly Candidate[]>;

const parts: Record<MachinePart["part"], Ask> = {
  variables: async (client, ref, options) => {
    const { variables } = await client.call("vm.show", { ref }, options);
    return variables.map((value) => ({ value, help: "" }));
  },
};

export async function liveParts(
  part: MachinePart["part"],
  { machine, ...where }: FindOptions & { readonly machine: string },
): Promise<readonly Candidate[]> {
  return await askDaemon(where, (client, signal) => parts[part](client, machine, { signal }));
}
