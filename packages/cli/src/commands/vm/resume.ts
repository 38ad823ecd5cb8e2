/** `resume`: machines that were paused go on. */
import { resolveRefs } from "@banger/sdk/refs";
import { resumeVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Lets machines that were paused go on, and sets their clocks.",
    args: { machine: { arity: "some", ...machineRef, completes: { ref: "machine", in: ["paused"] } } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger resume web db", help: "two, at the same time" }],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.machine,
      resolve: (refs) => resolveRefs(client, { kind: "machine", refs }),
      json: options.json,
      quiet: options.quiet,
      act: (ref) => resumeVm(client, ref, { signal: context.signal }),
      view: (machine) => machine,
    });
  },
);
