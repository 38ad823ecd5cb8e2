/** `stop`: machines are powered off, by force when they take too long. */
import { stopVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { parseDurationMs } from "../../arguments/parse-number.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

const MAX_GRACE_MS = 600_000;

export const command = defineCommand(
  {
    description: "Powers machines off. What has not ended in time is ended. One that is off already is left as it is.",
    args: {
      machine: { arity: "some", ...machineRef, completes: { ref: "machine", in: ["starting", "running", "stopping"] } },
    },
    options: {
      time: {
        short: "t",
        value: "TIME",
        help: "how long the guest may take, such as 30s (default: 10s)",
        parse: (text: string) => parseDurationMs(text, { name: "--time", maxMs: MAX_GRACE_MS }),
      },
      quiet: silentOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger stop web", help: "one machine" },
      { line: "banger stop --time 0 web db", help: "two, at once and by force" },
    ],
  },
  async ({ args, options }, context) => {
    const graceMs = options.time ?? (await context.settings("none")).values["stop-time"];
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.machine,
      json: options.json,
      quiet: options.quiet,
      act: (ref) => stopVm(client, { ref, ...(graceMs !== undefined && { graceMs }) }, { signal: context.signal }),
    });
  },
);
