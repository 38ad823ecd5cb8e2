/** `start`: stopped machines run again. */
import { resolveRefs } from "@banger/sdk/refs";
import { startVm } from "@banger/sdk/vm";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
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
  async ({ args, options }, context) => {
    const { daemon, signal, err, now } = context;
    const client = await daemon.connect();
    const single = args.machine.length === 1;
    // The stages of several machines would be one muddle.
    using progress = startProgress({ err, quiet: options.quiet || !single, now });
    return await eachRef(context, {
      refs: args.machine,
      resolve: (refs) => resolveRefs(client, { kind: "machine", refs }),
      json: options.json,
      act: async (ref) => {
        const machine = await startVm(client, ref, { signal, onChange: progress.onChange });
        progress.done(`${machine.name} is ready`);
        return machine;
      },
      view: (machine) => machine,
    });
  },
);
