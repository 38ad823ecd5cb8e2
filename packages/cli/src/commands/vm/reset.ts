/** `reset`: root disks are as in their images again. */
import { resolveRefs } from "@banger/sdk/refs";
import { resetVm } from "@banger/sdk/vm";
import { graceOption } from "../../arguments/grace-option.ts";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { halfway } from "../../output/halfway.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Puts the root disks of machines back to what their images hold; what was installed or changed there is gone. The work " +
      "disk, which is /root, stays. Machines that run are stopped before, and started again.",
    args: { machine: { arity: "some", ...machineRef } },
    options: { time: graceOption, quiet: quietOption, json: jsonOption },
    examples: [
      { line: "banger reset web", help: "one machine" },
      { line: "banger reset web db", help: "two, at the same time" },
    ],
  },
  async ({ args, options }, context) => {
    const { daemon, signal, err, now } = context;
    const graceMs = options.time ?? (await context.settings("none")).values["stop-time"];
    const client = await daemon.connect();
    using progress = startProgress({ err, quiet: options.quiet || args.machine.length > 1, now });
    return await eachRef(context, {
      refs: args.machine,
      resolve: (refs) => resolveRefs(client, { kind: "machine", refs }),
      json: options.json,
      act: async (ref) => {
        const params = { ref, ...(graceMs !== undefined && { graceMs }) };
        const following = resetVm(client, params, { signal, onChange: progress.onChange });
        const machine = await following.catch((error: unknown) => Promise.reject(halfway(error, ref)));
        progress.done(`${machine.name} is reset and ${machine.state}`);
        return machine;
      },
      view: (machine) => machine,
    });
  },
);
