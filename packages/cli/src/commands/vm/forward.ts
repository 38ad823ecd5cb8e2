/** `forward`: ports of this host lead to a machine for as long as this runs. */
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { parsePublishedPort, publishedAddress } from "../../arguments/published-port.ts";
import { runningMachineRef } from "../../arguments/refs.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Lets ports of this host lead to a running machine until this command is ended or the machine stops. Prints the " +
      "addresses when they can be connected to.",
    args: {
      machine: { arity: "one", ...runningMachineRef },
      port: { arity: "some", help: "[ADDR:]HOST:GUEST", parse: parsePublishedPort, completes: "nothing" },
    },
    options: { quiet: silentOption, json: jsonOption },
    endsBySignal: true,
    examples: [{ line: "banger forward web 5432:5432", help: "until Ctrl-C", endless: true }],
  },
  async ({ args, options }, { daemon, out, signal }) => {
    const client = await daemon.connect();
    const onProgress = () => {
      if (options.json) out.json({ listening: args.port });
      else if (!options.quiet) for (const port of args.port) out.line(publishedAddress(port));
    };
    await client.call("port.forward", { ref: args.machine, ports: [...args.port] }, { signal, onProgress });
    return 0;
  },
);
