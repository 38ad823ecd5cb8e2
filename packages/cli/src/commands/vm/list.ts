/** `list`: the machines that there are. */
import type { VmView } from "@banger/contract/daemon/vm";
import { formatMib } from "@banger/contract/sizes";
import { idsOption, jsonOption } from "../../arguments/output-options.ts";
import { formatTable, WHOLE } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { stateTone } from "../../output/tone.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Lists all machines, whatever their state.",
    args: {},
    options: { quiet: idsOption, json: jsonOption },
    needless: ["-a, --all"],
    examples: [
      { line: "banger list", help: "as a table" },
      { line: "banger list --json", help: "for programs" },
    ],
  },
  async ({ options }, { daemon, out, now }) => {
    const client = await daemon.connect();
    const answer = await client.call("vm.list", {});
    if (options.json) out.json(answer);
    else if (options.quiet) out.write(answer.machines.map(({ id }) => `${id}\n`).join(""));
    else
      out.write(
        formatTable(
          COLUMNS,
          answer.machines.map((machine) => row(machine, now())),
          out,
        ),
      );
    return 0;
  },
);

const COLUMNS = [
  { head: "NAME", rank: 0, least: 20 },
  { head: "ID", rank: 5, least: WHOLE },
  { head: "STATE", rank: 0, least: WHOLE, tone: stateTone },
  { head: "IMAGE", rank: 1 },
  { head: "CPU", rank: 4, least: WHOLE },
  { head: "MEMORY", rank: 3, least: WHOLE },
  { head: "CREATED", rank: 2, least: WHOLE },
];

/** A machine that runs and has an error is one that nobody gets into any more; `show` tells why. */
function stateOf({ state, lastError }: VmView): string {
  return state === "running" && lastError !== null ? "running, cut off" : state;
}

function row(machine: VmView, now: number): string[] {
  const { name, id, image, vcpus, memoryMib, createdAt } = machine;
  const state = stateOf(machine);
  return [name, id, state, image.name, String(vcpus), formatMib(memoryMib), formatAge(createdAt, now)];
}
