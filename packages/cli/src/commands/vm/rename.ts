/** `rename`: a machine is called something else from now on. */
import { parseName } from "@banger/contract/names";
import { renameVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Gives a machine another name, running or not. Its host name and the name in its links change with it at once; what " +
      "runs in it goes on.",
    args: {
      machine: { arity: "one", ...machineRef },
      name: { arity: "one", help: "its new name", parse: (text: string) => parseName(text), completes: "nothing" },
    },
    options: { quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger rename web shop", help: "web is shop from now on" }],
  },
  async ({ args, options }, { daemon, out, signal }) => {
    const client = await daemon.connect();
    const machine = await renameVm(client, { ref: args.machine, name: args.name }, { signal });
    if (options.json) out.json(machine);
    else if (!options.quiet) out.line(machine.name);
    return 0;
  },
);
