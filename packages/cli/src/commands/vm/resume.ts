/** `resume`: machines that were paused go on. */
import { resumeVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Lets machines that were paused go on, and sets their clocks.",
    args: { machine: { arity: "some", ...machineRef, completes: { ref: "machine", in: ["paused"] } } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger resume web db", help: "two, at the same time" }],
  },
  ({ args, options }, context) =>
    eachMachine(context, {
      refs: args.machine,
      ...options,
      act: (client, ref) => resumeVm(client, ref, { signal: context.signal }),
      view: (machine) => machine,
    }),
);
