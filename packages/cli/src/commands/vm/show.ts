/** `show`: all about a machine. */
import type { VmView } from "@banger/contract/daemon/vm";
import { formatAgentBuild } from "@banger/contract/guest/agent-build";
import { formatMib } from "@banger/contract/sizes";
import { idOption, jsonOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { formatProperties } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Tells all about a machine: what it is made of, how it runs, what is open.",
    args: { machine: { arity: "one", ...machineRef } },
    options: { quiet: idOption, json: jsonOption },
    examples: [
      { line: "banger show web", help: "a line for each property" },
      { line: "banger show web --json", help: "for programs" },
    ],
  },
  async ({ args, options }, { daemon, out, now }) => {
    const client = await daemon.connect();
    const machine = await client.call("vm.show", { ref: args.machine });
    if (options.json) out.json(machine);
    else if (options.quiet) out.line(machine.id);
    else out.write(formatProperties(properties(machine, now()), out));
    return 0;
  },
);

function properties(machine: VmView, now: number): (readonly [string, string])[] {
  const { vmm, network, agent, lastError, startedAt, nextStart } = machine;
  return [
    ["Name", machine.name],
    ["Id", machine.id],
    ["State", machine.state],
    ["Image", `${machine.image.name} (${machine.image.id})`],
    ["Kernel", `${machine.kernel.name} (${machine.kernel.id})`],
    ["Processors", withNext(String(machine.vcpus), nextStart?.vcpus?.toString())],
    ["Memory", withNext(formatMib(machine.memoryMib), nextStart?.memoryMib && formatMib(nextStart.memoryMib))],
    ["Work disk", formatMib(machine.diskMib)],
    ["Created", formatAge(machine.createdAt, now)],
    ["Started", startedAt === null ? "not running" : formatAge(startedAt, now)],
    ...(machine.variables.length === 0 ? [] : [["Variables", machine.variables.join(", ")] as const]),
    ["When stopped", machine.ephemeral ? "deleted" : "kept"],
    ["Runs under", `${vmm.driver}${vmm.accelerator === null ? "" : ` with ${vmm.accelerator}`}`],
    ["Isolation", machine.isolation],
    ["Network", `${network.mode}; open: ${network.open.length === 0 ? "nothing" : network.open.join(", ")}`],
    ["Agent", describeAgent(agent)],
    ...(lastError === null ? [] : [["Last error", `${lastError.message} (${lastError.code})`] as const]),
  ];
}

function withNext(now: string, next: string | 0 | undefined): string {
  return next ? `${now}; ${next} from the next start` : now;
}

function describeAgent(agent: VmView["agent"]): string {
  if (agent === null) return "not connected";
  const other = agent.expected === undefined ? "" : `; this build carries ${agent.expected}`;
  return `${formatAgentBuild(agent)} as ${agent.role}${other}`;
}
