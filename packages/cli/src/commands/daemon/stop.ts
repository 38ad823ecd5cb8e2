/** `daemon stop`: the daemon goes, machines stay. */
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Stops the daemon. Machines keep running, and the next command starts a daemon that takes them up.",
    args: {},
    options: { "if-idle": { help: "refuse while an operation is under way" }, quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger daemon stop", help: "it comes back when it is needed" }],
  },
  async ({ options }, { daemon, out, err }) => {
    const client = await daemon.find();
    if (!client) {
      if (options.json) out.json({ pid: null });
      else if (!options.quiet) err.line("banger: the daemon is not running");
      return 0;
    }
    const answer = await client.call("daemon.stop", { ifIdle: options["if-idle"] });
    await client.closed;
    if (options.json) out.json(answer);
    else if (!options.quiet) out.line(`the daemon (process ${answer.pid}) stops`);
    return 0;
  },
);
