/** `restart`: machines are powered off and run again. */
import { restartVm } from "@banger/sdk/vm";
import { defineCommand } from "../../program/command.ts";
import { args, options, throughStop } from "./through-stop.ts";

export const command = defineCommand(
  {
    description:
      "Powers machines off and starts them again, as one operation. What has not ended in time is ended; one that is off " +
      "is started.",
    args,
    options,
    examples: [
      { line: "banger restart web", help: "one machine" },
      { line: "banger restart --time 0 web db", help: "two, at once and by force" },
    ],
  },
  (input, context) => throughStop(input, context, { change: restartVm, said: (machine) => `${machine.name} is ready` }),
);
