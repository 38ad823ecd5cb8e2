/** `logs`: what a machine has written. A guest chose it, so it is made printable unless raw bytes are asked for. */
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import type { BangerClient } from "@banger/sdk/client";
import { type LogStream, openLogs } from "@banger/sdk/logs";
import { parseCount } from "../../arguments/parse-number.ts";
import { parseSince } from "../../arguments/parse-since.ts";
import { machineRef } from "../../arguments/refs.ts";
import { outputError } from "../../output/output.ts";
import { printableLines } from "../../output/printable-lines.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";

export const command = defineCommand(
  {
    description:
      "Prints a machine's console, or the output of the commands that `run -d` left in it. Characters that would act on a " +
      "terminal are shown as numbers, unless --raw is given. With -f the console goes on, over stops and starts, until the " +
      "machine is deleted, and the output of commands until they have ended.",
    args: { machine: { arity: "one", ...machineRef } },
    options: {
      command: { help: "the output of the background commands" },
      vmm: { help: "what the machine monitor itself has said" },
      follow: { short: "f", help: "go on with what comes" },
      tail: { short: "n", value: "LINES", help: "only that many lines from the end", parse: parseTail },
      since: {
        value: "TIME",
        help: "with --command: only what was written since then: 10m ago, or 2026-01-31T12:00",
        parse: parseSince,
      },
      raw: { help: "the bytes as the guest wrote them" },
    },
    endsBySignal: true,
    without: { json: "it prints what the machine has written", quiet: "it says nothing of its own" },
    examples: [
      { line: "banger logs web", help: "its console" },
      { line: "banger logs --command web", help: "what its background command printed" },
      {
        line: "banger logs -f --command --since 10m web",
        help: "the last minutes of it, and what comes",
        endless: true,
      },
      { line: "banger logs -n 20 web", help: "the last lines of the console" },
    ],
  },
  async ({ args, options }, { daemon, out, err, now, signal }) => {
    const { follow, tail, since, raw } = options;
    const source = sourceOf(options);
    const params = { ref: args.machine, source, follow, ...(tail !== undefined && { tail }) };
    const from = since && { since: since(now()) };
    const reconnect = () => daemon.reach();
    const client = await daemon.connect();
    if (source === "console" && err.isLive) await pointToCommands(client, args.machine, err);
    await using logs = await openLogs(client, { ...params, ...from }, { signal, reconnect });
    await print(logs, { out, signal, raw });
    if ((await logs.ended) === "deleted") err.line(`banger: ${args.machine} was deleted`);
    return 0;
  },
);

/** Who has left a command running looks for what it prints, and other programs show just that. */
async function pointToCommands(client: BangerClient, ref: string, err: Context["err"]): Promise<void> {
  const { commands } = await client.call("exec.list", { ref });
  if (commands.length > 0)
    err.line(`banger: this is the console; \`banger logs --command ${ref}\` has what its commands print`);
}

type Source = "console" | "command" | "vmm";

function sourceOf({ command, vmm, since }: { command: boolean; vmm: boolean; since: unknown }): Source {
  if (command && vmm) throw new AppError("USAGE", "logs takes --command or --vmm, not both");
  if (since !== undefined && !command) {
    throw new AppError("USAGE", "--since needs --command: the lines of a console carry no time", {
      hint: "Use --tail LINES, or --command for what the background commands wrote.",
    });
  }
  return command ? "command" : vmm ? "vmm" : "console";
}

function parseTail(text: string): number {
  return parseCount(text, { name: "--tail", min: 0, max: 1_000_000_000 });
}

async function print(logs: LogStream, { out, signal, raw }: Pick<Context, "out" | "signal"> & { raw: boolean }) {
  try {
    if (raw) await pipeline(logs.bytes, out.stream, { end: false, signal });
    else await pipeline(logs.bytes, printableLines(), out.stream, { end: false, signal });
  } catch (error) {
    signal.throwIfAborted();
    throw AppError.is(error) ? error : outputError(error);
  }
}
