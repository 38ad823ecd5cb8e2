/** `attach`: takes a command up again that was left running in a machine. */
import type { BangerClient } from "@banger/sdk/client";
import { type AttachedSession, attachTo } from "@banger/sdk/exec";
import { detachKeysOption } from "../../arguments/detach-keys.ts";
import { runningMachineRef } from "../../arguments/refs.ts";
import { chosenDetachKeys } from "../../config/chosen-detach-keys.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";
import { attach } from "../../terminal/attach.ts";

export const command = defineCommand(
  {
    description:
      "Takes up a command that was left running with the detach keys or with `run -d`: shows the last of its output and what " +
      "comes, and gives it our input, if it takes any. The exit status is that of the command. One client at a time may write " +
      "to it; any number may watch.",
    args: {
      machine: { arity: "one", ...runningMachineRef },
      exec: {
        arity: "optional",
        completes: { of: "machine", part: "commands" },
        help: "the beginning of the command's id (default: the only one that runs)",
      },
    },
    options: {
      "no-stdin": { help: "watch only: no input, and Ctrl-C leaves it alone" },
      "detach-keys": detachKeysOption,
    },
    without: { json: "standard output is the command's", quiet: "it says nothing of its own" },
    status: "of-command",
    endsBySignal: true,
    examples: [
      { line: "banger attach web", help: "the command that runs in the background of web" },
      { line: "banger attach --no-stdin web", help: "only watch it" },
    ],
  },
  async ({ args, options }, context) => {
    const { daemon, signal, terminal } = context;
    const wanted = { ref: args.machine, ...(args.exec !== undefined && { exec: args.exec }) };
    const stdin = !options["no-stdin"];
    const asked = { asked: options["detach-keys"], tty: stdin && terminal.isInteractive };
    const detachKeys = await chosenDetachKeys(asked, context);
    const reconnect = (): Promise<BangerClient> => daemon.reach();
    await using session = await attachTo(await daemon.connect(), { ...wanted, stdin }, { signal, reconnect });
    const tty = session.tty && session.takesInput && terminal.isInteractive;
    if (tty) redraw(session, context);
    const { status } = await attach(session, context, {
      ...{ tty, stdin: session.takesInput, watching: !stdin, machine: args.machine },
      detachKeys,
    });
    return status;
  },
);

/** A full-screen program draws anew when its size has changed, and not when it is told the same again. */
function redraw(session: AttachedSession, { terminal }: Context): void {
  const { rows, columns } = terminal.size();
  session.resize({ rows: rows + 1, columns });
  session.resize({ rows, columns });
}
