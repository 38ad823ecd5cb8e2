/** `operation wait`: looks on until an operation has ended. */
import { findOperation, resultOf, watch } from "@banger/sdk/operation";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { operationRef } from "../../arguments/refs.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Waits until an operation has ended, and fails as it did. A signal ends the waiting, not the operation.",
    args: { operation: { arity: "one", ...operationRef, completes: { ref: "operation", in: ["running"] } } },
    options: { quiet: quietOption, json: jsonOption },
    examples: [{ line: "banger operation wait 4k2j", help: "with its stages" }],
  },
  async ({ args, options }, { daemon, out, err, signal, now }) => {
    const client = await daemon.connect();
    const { id, kind, subject } = await findOperation(client, args.operation);
    using progress = startProgress({ err, quiet: options.quiet, now });
    const ended = await watch(client, id, { signal, onChange: progress.onChange });
    resultOf(ended);
    progress.done(`${kind} ${subject} is done`);
    if (options.json) out.json(ended);
    else out.line(id);
    return 0;
  },
);
