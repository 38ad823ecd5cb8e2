/**
 * `run`: a machine, and a command or a shell in it. Until the command runs, a signal takes everything back; from then on it is
 * the command's.
 */
import type { VmView } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "@banger/sdk/client";
import { type ExecSession, exec } from "@banger/sdk/exec";
import { createVm, deleteVm, keepVm } from "@banger/sdk/vm";
import { defaultDetachKeys, detachKeysOption } from "../../arguments/detach-keys.ts";
import { createParams, machineOptions } from "../../arguments/machine-options.ts";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { machineSettings } from "../../config/machine-settings.ts";
import { startProgress } from "../../output/progress.ts";
import { asAppError } from "../../output/report-error.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";
import { type Attached, attach } from "../../terminal/attach.ts";
import { terminalType } from "../../terminal/terminal-type.ts";
import { planFrom, refuseWithoutPath, sendInto, showPlan, workspaceOptions } from "./run-workspace.ts";

/** A login shell: the one that the image's /etc/passwd names for root, which the agent tells in SHELL, in the image's language. */
const SHELL = [
  "/bin/sh",
  "-c",
  '[ ! -r /etc/default/locale ] || { set -a; . /etc/default/locale; set +a; }; [ -x "$SHELL" ] || SHELL=/bin/sh; exec "$SHELL" -l',
];

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
      "detach-keys": detachKeysOption,
      quiet: quietOption,
      json: { ...jsonOption, help: "with -d: print the machine as JSON" },
    },
    needless: ["-i, --interactive", "-t, --tty"],
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
    // Ours until the command runs: if we are killed before, it goes.
    const params = { ...createParams(options, configured), ephemeral: options.rm, provisional: true };
    using progress = startProgress({ err: context.err, quiet: options.quiet, now: context.now });
    const machine = await createVm(client, params, { signal: context.signal, onChange: progress.onChange });
    progress.done(`${machine.name} is ready`);
    const cwd = workspace && (await sendInto(machine, workspace, { ...options, client, context }));
    if (options.detach) return await leaveRunning(client, { machine, argv, cwd, ...options }, context);
    const detachKeys = options["detach-keys"] ?? configured["detach-keys"] ?? defaultDetachKeys;
    const job = { argv: argv ?? SHELL, cwd, client, rm: options.rm, detachKeys };
    return options.rm ? await runAndDelete(machine, job, context) : (await runIn(machine, job, context)).status;
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
  readonly rm: boolean;
  readonly detachKeys: Buffer;
};

async function runIn(machine: VmView, job: Job, context: Context): Promise<Attached> {
  await using session = await startIn(machine, job, context);
  const { isInteractive: tty } = context.terminal;
  return await attach(session, context, { stdin: true, tty, machine: machine.name, detachKeys: job.detachKeys });
}

/** A signal that comes before the command runs still takes everything back. */
async function startIn(
  machine: VmView,
  { argv, cwd, client, rm: thenDelete }: Job,
  { terminal, daemon, signal, env }: Context,
): Promise<ExecSession> {
  const tty = terminal.isInteractive ? { tty: terminal.size(), environment: [...terminalType(env)] } : {};
  try {
    signal.throwIfAborted();
    const where = { ref: machine.id, ...(cwd !== undefined && { cwd }) };
    const params = { ...where, argv: [...argv], stdin: true, ...tty, thenDelete, keep: true };
    return await exec(await daemon.connect(), params, { signal, reconnect: () => daemon.reach() });
  } catch (error) {
    if (signal.aborted) await deleteIfThere(client, machine.id);
    throw error;
  }
}

/** Its clean-up is finished before we are, and its failure does not hide how the command ended. */
async function runAndDelete(machine: VmView, job: Job, context: Context): Promise<number> {
  let outcome: Attached;
  try {
    outcome = await runIn(machine, job, context);
  } catch (error) {
    if (!context.signal.aborted) {
      await deleteAfterwards(machine, context).catch((failure: unknown) => {
        context.err.line(`banger: ${machine.name} could not be deleted: ${asAppError(failure).message}`);
      });
    }
    throw error;
  }
  // What goes on takes the machine with it when it ends.
  if (!outcome.detached) await deleteAfterwards(machine, context);
  return outcome.status;
}

/** The daemon may be another one by now, and deletes it, too: this waits until it has. */
async function deleteAfterwards(machine: VmView, { daemon }: Context): Promise<void> {
  await deleteIfThere(await daemon.reach(), machine.id);
}

async function deleteIfThere(client: BangerClient, id: VmView["id"]): Promise<void> {
  try {
    await deleteVm(client, id);
  } catch (error) {
    if (!AppError.is(error, "VM_NOT_FOUND")) throw error;
  }
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
  await keepVm(client, machine.id);
  if (json) context.out.json(machine);
  else context.out.line(machine.name);
  return 0;
}
