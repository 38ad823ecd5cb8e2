/** `start`: stopped machines run again. */
import { startVm } from "@banger/sdk/vm";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Starts machines and waits until they are ready. One that runs already is left as it is.",
    args: { machine: { arity: "some", ...machineRef, completes: { ref: "machine", in: ["stopped", "failed"] } } },
    options: { quiet: quietOption, json: jsonOption },
    examples: [
      { line: "banger start web", help: "one machine" },
      { line: "banger start web db", help: "two, at the same time" },
    ],
  },
  ({ args, options }, context) => {
    const { signal, err, now } = context;
    // The stages of several machines would be one muddle.
    const quiet = options.quiet || args.machine.length > 1;
    return eachMachine(context, {
      refs: args.machine,
      json: options.json,
      act: async (client, ref) => {
        using progress = startProgress({ err, quiet, now });
        const machine = await startVm(client, ref, { signal, onChange: progress.onChange });
        progress.done(`${machine.name} is ready`);
        return machine;
      },
      view: (machine) => machine,
    });
  },
);
