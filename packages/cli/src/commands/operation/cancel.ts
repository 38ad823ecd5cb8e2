/** `operation cancel`: operations are cancelled, whoever began them, and what they did is undone. */
import type { ResolvedRef } from "@banger/contract/daemon/ref";
import { findOperation, operationAmong, watch } from "@banger/sdk/operation";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { operationRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { asAppError, errorJson } from "../../output/report-error.ts";
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
      resolve,
      json: options.json,
      quiet: options.quiet,
      act: async (ref) => {
        const { id } = await findOperation(client, ref);
        await client.call("operation.cancel", { operation: id }, { signal });
        return await watch(client, id, { signal });
      },
      view: (operation) => operation,
    });

    async function resolve(refs: readonly string[]): Promise<readonly ResolvedRef[]> {
      const { operations } = await client.call("operation.list", {});
      return refs.map((ref) => {
        try {
          return { ref, id: operationAmong(operations, ref).id };
        } catch (error) {
          return { ref, error: errorJson(asAppError(error)) };
        }
      });
    }
  },
);
