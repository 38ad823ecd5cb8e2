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
  commands: async (client, ref, options) => {
    const { commands } = await client.call("exec.list", { ref }, options);
    return commands.map(({ exec, argv }) => ({ value: exec, help: argv.join(" ") }));
  },
  published: async (client, ref, options) => {
    const { network } = await client.call("vm.show", { ref }, options);
    return network.open.map((text) => {
      const [value = "", guest = ""] = text.split(" to ");
      return { value, help: `port ${guest} of ${ref}` };
    });
  },
};

export async function liveParts(
  part: MachinePart["part"],
  { machine, ...where }: FindOptions & { readonly machine: string },
): Promise<readonly Candidate[]> {
  return await askDaemon(where, (client, signal) => parts[part](client, machine, { signal }));
}
