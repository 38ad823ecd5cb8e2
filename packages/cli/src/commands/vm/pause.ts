/** `pause`: machines stand still, and keep all they have. */
import { pauseVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
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
  ({ args, options }, context) =>
    eachMachine(context, {
      refs: args.machine,
      ...options,
      act: (client, ref) => pauseVm(client, ref, { signal: context.signal }),
      view: (machine) => machine,
    }),
);
