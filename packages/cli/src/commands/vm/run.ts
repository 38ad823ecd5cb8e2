/**
 * `run`: a machine, and a command or a shell in it. Until the command runs, a signal takes everything back; from then on it is
 * the command's.
 */

import type { VmView } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "@banger/sdk/client";
import { exec } from "@banger/sdk/exec";
import { createVm, deleteVm } from "@banger/sdk/vm";
import { createParams, machineOptions } from "../../arguments/machine-options.ts";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";
import { attach } from "../../terminal/attach.ts";

/** A login shell, the best that the image has. */
const SHELL = ["/bin/sh", "-c", "if [ -x /bin/bash ]; then exec /bin/bash -l; else exec /bin/sh -l; fi"];

export const command = defineCommand(
  {
    description:
      "Makes a machine, waits until it is ready, and runs CMD in it with this terminal, or a shell without CMD. " +
      "The exit status is that of CMD; 125 is a failure of banger's own. The machine stays, unless --rm is given.",
    args: { path: { arity: "optional", help: "a directory to work in (not available yet)" } },
    options: {
      detach: { short: "d", help: "leave CMD running in the background and print the machine's name" },
      rm: { help: "delete the machine when CMD has ended" },
      ...machineOptions,
      quiet: quietOption,
      json: { ...jsonOption, help: "with -d: print the machine as JSON" },
    },
    takesCommand: true,
    status: "of-command-if-given",
    examples: [
      { line: "banger run", help: "a shell in a machine of its own" },
      { line: "banger run --rm -- uname -a", help: "one command in a machine that is gone afterwards" },
      { line: "banger run -d --name web --memory 2G", help: "a machine to come back to" },
      { line: "banger run --image minimal -- cat /proc/cpuinfo", help: "another image" },
    ],
  },
  async ({ args, options, command: argv }, context) => {
    refuse(args.path, options);
    const client = await context.daemon.connect();
    const params = { ...createParams(options), ephemeral: options.rm };
    using progress = startProgress({ err: context.err, quiet: options.quiet, now: context.now });
    const machine = await createVm(client, params, { signal: context.signal, onChange: progress.onChange });
    progress.done(`${machine.name} is ready`);
    if (options.detach) return await leaveRunning(client, { machine, argv, json: options.json }, context);
    if (!options.rm) return await runIn(machine, { argv: argv ?? SHELL, client }, context);
    return await runAndDelete(machine, { argv: argv ?? SHELL, client }, context);
  },
);

function refuse(path: string | undefined, { detach, json }: { detach: boolean; json: boolean }): void {
  if (path !== undefined) {
    throw new AppError("USAGE", `run can not work in a directory yet: ${JSON.stringify(path)}`, {
      hint: "A command goes behind `--`: banger run -- CMD.",
    });
  }
  if (json && !detach) throw new AppError("USAGE", "run --json needs --detach: standard output is the command's");
}

type Job = { readonly argv: readonly string[]; readonly client: BangerClient };

async function runIn(machine: VmView, { argv, client }: Job, context: Context): Promise<number> {
  await takeBackIfCancelled(machine, client, context);
  const tty = context.terminal.isInteractive;
  const size = tty && context.terminal.size();
  await using session = await exec(
    await context.daemon.connect(),
    { ref: machine.id, argv: [...argv], stdin: true, ...(size && { tty: size }) },
    {},
  );
  return await attach(session, context, { stdin: true, tty });
}

/** Its clean-up is finished before we are. */
async function runAndDelete(machine: VmView, job: Job, context: Context): Promise<number> {
  let status: number;
  try {
    status = await runIn(machine, job, context);
  } catch (error) {
    if (!context.signal.aborted) await deleteVm(job.client, machine.id);
    throw error;
  }
  await deleteVm(job.client, machine.id);
  return status;
}

/** A signal that came when the machine was all but ready. */
async function takeBackIfCancelled(machine: VmView, client: BangerClient, { signal }: Context): Promise<void> {
  if (!signal.aborted) return;
  await deleteVm(client, machine.id);
  throw signal.reason;
}

async function leaveRunning(
  client: BangerClient,
  { machine, argv, json }: { machine: VmView; argv: readonly string[] | undefined; json: boolean },
  context: Context,
): Promise<number> {
  await takeBackIfCancelled(machine, client, context);
  if (argv) await client.call("exec.detach", { ref: machine.id, argv: [...argv] });
  if (json) context.out.json(machine);
  else context.out.line(machine.name);
  return 0;
}
