/** `unpublish`: takes back what `publish` did. */
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { parseTakenPort, publishedAddress } from "../../arguments/published-port.ts";
import { machineRef } from "../../arguments/refs.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Ports of this host no longer lead to a machine; connections that are open end.",
    args: {
      machine: { arity: "one", ...machineRef },
      port: {
        arity: "some",
        help: "[ADDR:]HOST[:GUEST]",
        parse: parseTakenPort,
        completes: { of: "machine", part: "published" },
      },
    },
    options: { quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger unpublish web 8080:80", help: "as it was published" },
      { line: "banger unpublish web 127.0.0.1:8080", help: "as it is listed" },
    ],
  },
  async ({ args, options }, { daemon, out, signal }) => {
    const client = await daemon.connect();
    const answer = await client.call("port.unpublish", { ref: args.machine, ports: [...args.port] }, { signal });
    if (options.json) out.json(answer);
    else if (!options.quiet) for (const port of args.port) out.line(publishedAddress(port));
    return 0;
  },
);
