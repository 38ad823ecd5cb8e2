/** `daemon start`: what every command does on first use, on its own. */
import { AppError } from "@banger/contract/errors";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Starts the daemon in the background, or in this process with --foreground. Commands do it themselves when they need it.",
    args: {},
    options: {
      foreground: { help: "be the daemon, until a signal ends it" },
      quiet: silentOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger daemon start", help: "in the background" },
      { line: "banger daemon start --foreground", help: "under a service manager of your own" },
    ],
  },
  async ({ options }, { daemon, out }) => {
    if (options.foreground) {
      if (options.json) throw new AppError("USAGE", "daemon start takes --foreground or --json, not both");
      return await daemon.become();
    }
    const client = await daemon.connect();
    const status = await client.call("daemon.status", {});
    if (options.json) out.json(status);
    else if (!options.quiet) out.line(`the daemon runs as process ${status.pid}`);
    return 0;
  },
);
