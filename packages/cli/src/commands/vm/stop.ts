/** `stop`: machines are powered off, by force when they take too long. */
import { stopVm } from "@banger/sdk/vm";
import { graceOption } from "../../arguments/grace-option.ts";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Powers machines off. What has not ended in time is ended. One that is off already is left as it is.",
    args: {
      machine: {
        arity: "some",
        ...machineRef,
        completes: { ref: "machine", in: ["starting", "running", "paused", "stopping"] },
      },
    },
    options: { time: graceOption, quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger stop web", help: "one machine" },
      { line: "banger stop --time 0 web db", help: "two, at once and by force" },
    ],
  },
  async ({ args, options }, context) => {
    const graceMs = options.time ?? (await context.settings("none")).values["stop-time"];
    return await eachMachine(context, {
      refs: args.machine,
      ...options,
      act: (client, ref) =>
        stopVm(client, { ref, ...(graceMs !== undefined && { graceMs }) }, { signal: context.signal }),
    });
  },
);
