/** `publish`: ports of this host lead to a machine from now on, whenever it runs. */
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { parsePublishedPort, publishedAddress } from "../../arguments/published-port.ts";
import { machineRef } from "../../arguments/refs.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Lets ports of this host lead to a machine, for as long as it exists. They are listened on while it runs; without an address only this host reaches them, and only as the same user.",
    args: {
      machine: { arity: "one", ...machineRef },
      port: { arity: "some", help: "[ADDR:]HOST:GUEST", parse: parsePublishedPort, completes: "nothing" },
    },
    options: { quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger publish web 8080:80", help: "port 80 of web, at 127.0.0.1:8080" },
      { line: "banger publish web 0.0.0.0:8443:443", help: "for other hosts, too" },
    ],
  },
  async ({ args, options }, { daemon, out, signal }) => {
    const client = await daemon.connect();
    const answer = await client.call("port.publish", { ref: args.machine, ports: [...args.port] }, { signal });
    if (options.json) out.json(answer);
    else if (!options.quiet) for (const port of args.port) out.line(publishedAddress(port));
    return 0;
  },
);
