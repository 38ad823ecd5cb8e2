/** `reset`: root disks are as in their images again. */
import { resetVm } from "@banger/sdk/vm";
import { defineCommand } from "../../program/command.ts";
import { args, options, throughStop } from "./through-stop.ts";

export const command = defineCommand(
  {
    description:
      "Puts the root disks of machines back to what their images hold; what was installed or changed there is gone. The work " +
      "disk, which is /root, stays. Machines that run are stopped before, and started again.",
    args,
    options,
    examples: [
      { line: "banger reset web", help: "one machine" },
      { line: "banger reset web db", help: "two, at the same time" },
    ],
  },
  (input, context) =>
    throughStop(input, context, {
      change: resetVm,
      said: (machine) => `${machine.name} is reset and ${machine.state}`,
    }),
);
