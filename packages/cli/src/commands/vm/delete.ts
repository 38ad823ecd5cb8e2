/** `delete`: machines are ended, and everything they have is removed. */
import { resolveRefs } from "@banger/sdk/refs";
import { deleteVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Ends machines, running or not, and removes their disks. There is no way back.",
    args: { machine: { arity: "some", ...machineRef } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger delete web", help: "one machine" },
      { line: "banger delete $(banger list -q)", help: "all of them" },
    ],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.machine,
      resolve: (refs) => resolveRefs(client, { kind: "machine", refs }),
      json: options.json,
      quiet: options.quiet,
      act: (ref) => deleteVm(client, ref, { signal: context.signal }),
    });
  },
);
