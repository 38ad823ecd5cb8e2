/**
 * `run`: a machine, and a command or a shell in it. Until the command runs, a signal takes everything back; from then on it is
 * the command's.
 */

import type { VmView } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "@banger/sdk/client";
import { type ExecSession, exec } from "@banger/sdk/exec";
import { createVm, deleteVm } from "@banger/sdk/vm";
import { createParams, machineOptions } from "../../arguments/machine-options.ts";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineSettings } from "../../config/machine-settings.ts";
import { startProgress } from "../../output/progress.ts";
import { asAppError } from "../../output/report-error.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";
import { attach } from "../../terminal/attach.ts";
import { terminalType } from "../../terminal/terminal-type.ts";
import { planFrom, refuseWithoutPath, sendInto, showPlan, workspaceOptions } from "./run-workspace.ts";

/** A login shell, the best that the image has. */
const SHELL = ["/bin/sh", "-c", "if [ -x /bin/bash ]; then exec /bin/bash -l; else exec /bin/sh -l; fi"];

export const command = defineCommand(
  {
    description:
      "Makes a machine, waits until it is ready, and runs CMD in it with this terminal, or a shell without CMD. " +
      "The exit status is that of CMD; 125 is a failure of banger's own. The machine stays, unless --rm is given. Of a PATH in " +
      "a git repository the tracked files are copied, its submodules' too; of another one all files. What PATH/.banger.toml " +
      "sets holds unless an option says otherwise; its command is what runs without CMD.",
    args: {
      path: { arity: "optional", help: "a directory to copy in, to ~/NAME, and to work in", completes: "directories" },
    },
    options: {
      detach: { short: "d", help: "leave CMD running in the background and print the machine's name" },
      rm: { help: "delete the machine when CMD has ended, or with -d and no CMD when it stops" },
      ...machineOptions,
      ...workspaceOptions,
      quiet: quietOption,
      json: { ...jsonOption, help: "with -d: print the machine as JSON" },
    },
    takesCommand: true,
    status: "of-command-if-given",
    examples: [
      { line: "banger run", help: "a shell in a machine of its own" },
      { line: "banger run --rm -- uname -a", help: "one command in a machine that is gone afterwards" },
      { line: "banger run -d --name web --memory 2G", help: "a machine to come back to" },
      { line: "banger run --rm ../some-repo -- make test", help: "a repository, in a machine of its own" },
      { line: "banger run --dry-run --include-untracked .", help: "what would be copied" },
      { line: "banger run --image minimal -- cat /proc/cpuinfo", help: "another image" },
    ],
  },
  async ({ args, options, command: given }, context) => {
    refuse(args.path, options);
    const workspace = args.path === undefined ? undefined : await planFrom(args.path, options, context);
    if (workspace && options["dry-run"]) return showPlan(workspace, options, context);
    const configured = await machineSettings({ path: args.path, command: given, options }, context);
    const argv = given ?? configured.command;
    const client = await context.daemon.connect();
    const params = { ...createParams(options, configured), ephemeral: options.rm };
    using progress = startProgress({ err: context.err, quiet: options.quiet, now: context.now });
    const machine = await createVm(client, params, { signal: context.signal, onChange: progress.onChange });
    progress.done(`${machine.name} is ready`);
    const cwd = workspace && (await sendInto(machine, workspace, { ...options, client, context }));
    if (options.detach) return await leaveRunning(client, { machine, argv, cwd, ...options }, context);
    if (!options.rm) return await runIn(machine, { argv: argv ?? SHELL, cwd, client }, context);
    return await runAndDelete(machine, { argv: argv ?? SHELL, cwd, client }, context);
  },
);

function refuse(path: string | undefined, options: Parameters<typeof refuseWithoutPath>[0] & Choice): void {
  const { detach, json } = options;
  if (path === undefined) refuseWithoutPath(options);
  if (json && !detach && !options["dry-run"]) {
    throw new AppError("USAGE", "run --json needs --detach: standard output is the command's");
  }
}

type Choice = { readonly detach: boolean; readonly json: boolean };

type Job = {
  readonly argv: readonly string[];
  readonly cwd: string | undefined;
  readonly client: BangerClient;
};

async function runIn(machine: VmView, job: Job, context: Context): Promise<number> {
  await using session = await startIn(machine, job, context);
  return await attach(session, context, { stdin: true, tty: context.terminal.isInteractive, machine: machine.name });
}

/** A signal that comes before the command runs still takes everything back. */
async function startIn(
  machine: VmView,
  { argv, cwd, client }: Job,
  { terminal, daemon, signal, env }: Context,
): Promise<ExecSession> {
  const tty = terminal.isInteractive ? { tty: terminal.size(), environment: [...terminalType(env)] } : {};
  try {
    signal.throwIfAborted();
    const params = { ref: machine.id, argv: [...argv], stdin: true, ...tty, ...(cwd !== undefined && { cwd }) };
    return await exec(await daemon.connect(), params, { signal });
  } catch (error) {
    if (signal.aborted) await deleteVm(client, machine.id);
    throw error;
  }
}

/** Its clean-up is finished before we are, and its failure does not hide how the command ended. */
async function runAndDelete(machine: VmView, job: Job, context: Context): Promise<number> {
  let status: number;
  try {
    status = await runIn(machine, job, context);
  } catch (error) {
    if (!context.signal.aborted) {
      await deleteVm(job.client, machine.id).catch((failure: unknown) => {
        context.err.line(`banger: ${machine.name} could not be deleted: ${asAppError(failure).message}`);
      });
    }
    throw error;
  }
  await deleteVm(job.client, machine.id);
  return status;
}

type Leaving = {
  readonly machine: VmView;
  readonly argv: readonly string[] | undefined;
  readonly json: boolean;
  readonly rm: boolean;
};

async function leaveRunning(
  client: BangerClient,
  { machine, argv, cwd, json, rm }: Pick<Job, "cwd"> & Leaving,
  context: Context,
): Promise<number> {
  if (context.signal.aborted) {
    await deleteVm(client, machine.id);
    throw context.signal.reason;
  }
  if (argv)
    await client.call("exec.detach", {
      ref: machine.id,
      argv: [...argv],
      thenDelete: rm,
      ...(cwd !== undefined && { cwd }),
    });
  if (json) context.out.json(machine);
  else context.out.line(machine.name);
  return 0;
}
