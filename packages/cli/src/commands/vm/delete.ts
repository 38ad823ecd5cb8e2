/** `delete`: machines are ended, and everything they have is removed. */
import { deleteVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Ends machines, running or not, and removes their disks. There is no way back.",
    args: { machine: { arity: "some", ...machineRef } },
    options: { quiet: silentOption, json: jsonOption },
    needless: ["-f, --force"],
    examples: [
      { line: "banger delete web", help: "one machine" },
      { line: "banger delete $(banger list -q)", help: "all of them" },
    ],
  },
  ({ args, options }, context) =>
    eachMachine(context, {
      refs: args.machine,
      ...options,
      act: (client, ref) => deleteVm(client, ref, { signal: context.signal }),
    }),
);
