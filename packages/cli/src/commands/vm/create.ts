/** `create`: a machine that is made, and started only if asked. */
import { createVm } from "@banger/sdk/vm";
import { createParams, machineOptions } from "../../arguments/machine-options.ts";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineSettings } from "../../config/machine-settings.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Makes a machine without starting it, and prints its name.",
    args: {},
    options: { ...machineOptions, start: { help: "start it too" }, quiet: quietOption, json: jsonOption },
    examples: [
      { line: "banger create --name web --vcpu 2 --memory 2G", help: "a machine to start later" },
      { line: "banger create --start --image minimal", help: "one that runs, from another image" },
    ],
  },
  async ({ options }, context) => {
    const { daemon, out, err, signal, now } = context;
    const configured = await machineSettings({ path: undefined, command: undefined, options }, context);
    const client = await daemon.connect();
    using progress = startProgress({ err, quiet: options.quiet, now });
    const params = { ...createParams(options, configured), start: options.start };
    const machine = await createVm(client, params, { signal, onChange: progress.onChange });
    progress.done(`${machine.name} is ${options.start ? "ready" : "made"}`);
    if (options.json) out.json(machine);
    else out.line(machine.name);
    return 0;
  },
);
