/** `restart`: machines are powered off and run again. */
import { resolveRefs } from "@banger/sdk/refs";
import { restartVm } from "@banger/sdk/vm";
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
      "Powers machines off and starts them again, as one operation. What has not ended in time is ended; one that is off " +
      "is started.",
    args: { machine: { arity: "some", ...machineRef } },
    options: { time: graceOption, quiet: quietOption, json: jsonOption },
    examples: [
      { line: "banger restart web", help: "one machine" },
      { line: "banger restart --time 0 web db", help: "two, at once and by force" },
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
        const following = restartVm(client, params, { signal, onChange: progress.onChange });
        const machine = await following.catch((error: unknown) => Promise.reject(halfway(error, ref)));
        progress.done(`${machine.name} is ready`);
        return machine;
      },
      view: (machine) => machine,
    });
  },
);
