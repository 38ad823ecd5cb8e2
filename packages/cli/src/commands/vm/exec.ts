/** `exec`: a command in a running machine, with our standard streams. */
import { AppError } from "@banger/contract/errors";
import { exec } from "@banger/sdk/exec";
import { detachKeysOption } from "../../arguments/detach-keys.ts";
import { environmentOption } from "../../arguments/environment.ts";
import { runningMachineRef } from "../../arguments/refs.ts";
import { chosenDetachKeys } from "../../config/chosen-detach-keys.ts";
import { defineCommand } from "../../program/command.ts";
import { attach } from "../../terminal/attach.ts";
import { terminalType } from "../../terminal/terminal-type.ts";

export const command = defineCommand(
  {
    description:
      "Runs CMD in a running machine. The exit status is that of CMD, 128+N if signal N ended it; 125 is a failure of " +
      "banger's own, 126 means that CMD can not be executed, 127 that it was not found.",
    args: {
      machine: { arity: "one", ...runningMachineRef },
      cmd: { arity: "some", help: "the command and its arguments", completes: "files" },
    },
    options: {
      interactive: { short: "i", help: "give CMD this standard input" },
      tty: { short: "t", help: "give CMD a terminal" },
      user: { short: "u", value: "USER", help: "run it as this user (default: root)" },
      workdir: { short: "w", value: "DIR", help: "run it in this directory" },
      env: environmentOption,
      "detach-keys": detachKeysOption,
    },
    optionsFirst: true,
    without: { json: "standard output is the command's", quiet: "it says nothing of its own" },
    status: "of-command",
    examples: [
      { line: "banger exec web uptime", help: "one command" },
      { line: "banger exec -it web bash", help: "a shell" },
      { line: "tar c . | banger exec -i web tar x -C /srv", help: "with input from here" },
      { line: "banger exec -u nobody -w /tmp -e DEBUG=1 web env", help: "as somebody else, elsewhere" },
    ],
  },
  async ({ args, options }, context) => {
    const { terminal, daemon } = context;
    if (options.tty && options.interactive && !terminal.stdinIsTty) {
      throw new AppError("USAGE", "exec -it needs a terminal, and standard input is none", {
        hint: "Leave out -t to hand on a pipe or a file.",
      });
    }
    const detachKeys = await chosenDetachKeys({ asked: options["detach-keys"], tty: options.tty }, context);
    const params = {
      ref: args.machine,
      argv: withoutDashes(args.cmd),
      environment: [...(options.tty ? terminalType(context.env) : []), ...options.env],
      stdin: options.interactive,
      ...(options.tty && { tty: terminal.size() }),
      ...(options.user !== undefined && { user: options.user }),
      ...(options.workdir !== undefined && { cwd: options.workdir }),
    };
    const reconnect = () => daemon.reach();
    await using session = await exec(await daemon.connect(), params, { signal: context.signal, reconnect });
    const { status } = await attach(session, context, {
      stdin: options.interactive,
      tty: options.tty,
      detachKeys,
      machine: args.machine,
    });
    return status;
  },
);

/** `exec web -- ls` is as good as `exec web ls`. */
function withoutDashes(words: readonly string[]): string[] {
  const argv = words[0] === "--" ? words.slice(1) : [...words];
  if (argv.length > 0) return argv;
  throw new AppError("USAGE", "exec needs a command behind `--`");
}
