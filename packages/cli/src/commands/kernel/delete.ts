/** `kernel delete`: what no machine uses is removed. */
import { resolveRefs } from "@banger/sdk/refs";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { kernelRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Removes kernels. One that a machine uses is refused.",
    args: { kernel: { arity: "some", ...kernelRef } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [{ line: "banger kernel delete debian", help: "the default one; it is made again when it is needed" }],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.kernel,
      resolve: (refs) => resolveRefs(client, { kind: "kernel", refs }),
      json: options.json,
      quiet: options.quiet,
      act: (ref) => client.call("kernel.delete", { ref }, { signal: context.signal }),
      view: (result) => result,
    });
  },
);
