/** `kill`: the plug is pulled; with a signal, what was left running in a machine gets that instead. */
import { killVm, signalVm } from "@banger/sdk/vm";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { parseSignal } from "../../arguments/parse-signal.ts";
import { runningMachineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Ends machines at once, as if their plug was pulled; they stay and can be started again. With --signal the machine goes " +
      "on, and the signal goes to the commands that `run -d` left running in it.",
    args: { machine: { arity: "some", ...runningMachineRef } },
    options: {
      signal: {
        short: "s",
        value: "SIGNAL",
        help: "a name such as TERM, or a number, for what runs in the background",
        parse: parseSignal,
        completes: { values: ["TERM", "INT", "HUP", "QUIT", "KILL", "USR1", "USR2", "STOP", "CONT"] },
      },
      quiet: silentOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger kill web", help: "the machine" },
      { line: "banger kill --signal HUP web", help: "its background command" },
    ],
  },
  async ({ args, options }, context) => {
    const number = options.signal;
    const { signal } = context;
    return await eachMachine<unknown>(context, {
      refs: args.machine,
      ...options,
      act: (client, ref) =>
        number === undefined ? killVm(client, ref, { signal }) : signalVm(client, { ref, signal: number }, { signal }),
      ...(number !== undefined && { view: (result) => result }),
    });
  },
);
