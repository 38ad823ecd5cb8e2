/** `image delete`: what no machine uses is removed. */
import { resolveRefs } from "@banger/sdk/refs";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { imageRef } from "../../arguments/refs.ts";
import { eachRef } from "../../output/each-ref.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Removes images. One that a machine uses is refused.",
    args: { image: { arity: "some", ...imageRef } },
    options: { quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger image delete debian-bookworm", help: "the default one; it is made again when it is needed" },
    ],
  },
  async ({ args, options }, context) => {
    const client = await context.daemon.connect();
    return await eachRef(context, {
      refs: args.image,
      resolve: (refs) => resolveRefs(client, { kind: "image", refs }),
      json: options.json,
      quiet: options.quiet,
      act: (ref) => client.call("image.delete", { ref }, { signal: context.signal }),
      view: (result) => result,
    });
  },
);
