/** `set`: machines get other sizes and variables. */
import type { VmView } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import { formatMib } from "@banger/contract/sizes";
import { setVm } from "@banger/sdk/vm";
import { environmentOption, unsetOption } from "../../arguments/environment.ts";
import { sizeOptions } from "../../arguments/machine-options.ts";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { machineRef } from "../../arguments/refs.ts";
import { eachMachine } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Changes what machines are to be. The work disk of a running one grows at once, and new commands in it see the " +
      "variables; processors and memory hold from its next start. A disk never shrinks.",
    args: { machine: { arity: "some", ...machineRef } },
    options: {
      ...sizeOptions,
      env: environmentOption,
      unset: unsetOption,
      quiet: silentOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger set web --disk 40G", help: "more room, at once" },
      { line: "banger set web db --vcpu 4 --memory 8G", help: "two machines, from their next start" },
      { line: "banger set web --env DEBUG=1", help: "a variable of its commands" },
      { line: "banger set web --unset DEBUG", help: "and not any more" },
    ],
  },
  async ({ args, options }, context) => {
    const { vcpu, memory, disk, env, unset } = options;
    const both = unset.find((key) => env.some((entry) => entry.startsWith(`${key}=`)));
    if (both !== undefined) throw new AppError("USAGE", `set takes --env ${both} or --unset ${both}, not both`);
    const changes = {
      ...(vcpu !== undefined && { vcpus: vcpu }),
      ...(memory !== undefined && { memoryMib: memory }),
      ...(disk !== undefined && { diskMib: disk }),
      ...(env.length > 0 && { environment: [...env] }),
      ...(unset.length > 0 && { unset: [...unset] }),
    };
    if (Object.keys(changes).length === 0) {
      throw new AppError("USAGE", "set needs something to change", {
        hint: "Give --vcpu, --memory, --disk, --env or --unset; see `banger set --help`.",
      });
    }
    return await eachMachine(context, {
      refs: args.machine,
      ...options,
      act: async (client, ref) => {
        const machine = await setVm(client, { ref, ...changes }, { signal: context.signal });
        const asked = vcpu !== undefined || memory !== undefined;
        if (asked && machine.nextStart !== null && !options.quiet)
          context.err.line(`banger: ${later(machine, machine.nextStart)}`);
        return machine;
      },
      view: (machine) => machine,
    });
  },
);

function later({ name }: VmView, { vcpus, memoryMib }: NonNullable<VmView["nextStart"]>): string {
  const changes = [
    ...(vcpus === undefined ? [] : [`${vcpus} processor${vcpus === 1 ? "" : "s"}`]),
    ...(memoryMib === undefined ? [] : [`${formatMib(memoryMib)} of memory`]),
  ];
  return `${name} has ${changes.join(" and ")} from its next start`;
}
