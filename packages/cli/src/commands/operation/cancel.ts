/** `operation cancel`: operations are cancelled, whoever began them, and what they did is undone. */
import { findOperation, watch } from "@banger/sdk/operation";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { operationRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Cancels operations, whoever began them, and returns when they have undone their work. What has ended is left as it is.",
    args: { operation: { arity: "some", ...operationRef, completes: { ref: "operation", in: ["running"] } } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger operation cancel 4k2j", help: "one operation" }],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    const { signal } = context;
    return await eachRef(context, {
      refs: args.operation,
      json: options.json,
      quiet: options.quiet,
      act: async (ref) => {
        const { id } = await findOperation(client, ref);
        await client.call("operation.cancel", { operation: id }, { signal });
        return await watch(client, id, { signal });
      },
      view: (operation) => operation,
    });
  },
);
