/** `logs`: what a machine has written. A guest chose it, so it is made printable unless raw bytes are asked for. */
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import { openLogs } from "@banger/sdk/logs";
import { parseRef } from "../../arguments/parse-ref.ts";
import { outputError } from "../../output/output.ts";
import { printableLines } from "../../output/printable-lines.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Prints a machine's console, or the output of the command that `run -d` left in it. Characters that would act on a " +
      "terminal are shown as numbers, unless --raw is given.",
    args: { machine: { arity: "one", help: "name, or the beginning of an id", parse: parseRef } },
    options: {
      command: { help: "the output of the background command" },
      vmm: { help: "what the machine monitor itself has said" },
      raw: { help: "the bytes as the guest wrote them" },
    },
    without: { json: "it prints what the machine has written", quiet: "it says nothing of its own" },
    examples: [
      { line: "banger logs web", help: "its console" },
      { line: "banger logs --command web", help: "what its background command printed" },
    ],
  },
  async ({ args, options }, { daemon, out, signal }) => {
    if (options.command && options.vmm) throw new AppError("USAGE", "logs takes --command or --vmm, not both");
    const source = options.command ? "command" : options.vmm ? "vmm" : "console";
    await using logs = await openLogs(await daemon.connect(), { ref: args.machine, source });
    try {
      if (options.raw) await pipeline(logs.bytes, out.stream, { end: false, signal });
      else await pipeline(logs.bytes, printableLines(), out.stream, { end: false, signal });
    } catch (error) {
      signal.throwIfAborted();
      throw AppError.is(error) ? error : outputError(error);
    }
    return 0;
  },
);
