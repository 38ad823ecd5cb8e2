/** `config path`: which file holds what the user has configured. */
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Prints the path of your configuration. The file need not exist; `banger config show` tells what it may hold.",
    args: {},
    options: { quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger config path", help: "to open it in an editor" }],
  },
  async ({ options }, { daemon, out }) => {
    const { config } = daemon.places;
    if (options.json) out.json({ path: config });
    else if (!options.quiet) out.line(config);
    return 0;
  },
);
