/** `pause`: machines stand still, and keep all they have. */
import { resolveRefs } from "@banger/sdk/refs";
import { pauseVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Holds machines where they are: their memory stays, what runs in them stands still, and nothing reaches them.",
    args: { machine: { arity: "some", ...machineRef, completes: { ref: "machine", in: ["running"] } } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger pause web", help: "one machine" },
      { line: "banger pause $(banger list -q)", help: "all of them" },
    ],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.machine,
      resolve: (refs) => resolveRefs(client, { kind: "machine", refs }),
      json: options.json,
      quiet: options.quiet,
      act: (ref) => pauseVm(client, ref, { signal: context.signal }),
      view: (machine) => machine,
    });
  },
);
