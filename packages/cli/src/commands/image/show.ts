/** `image show`: all about an image. */
import { formatBytes } from "@banger/contract/sizes";
import { idOption, jsonOption } from "../../arguments/output-options.ts";
import { imageRef } from "../../arguments/refs.ts";
import { formatProperties } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Tells all about an image.",
    args: { image: { arity: "one", ...imageRef } },
    options: { quiet: idOption, json: jsonOption },
    examples: [{ line: "banger image show minimal", help: "a line for each property" }],
  },
  async ({ args, options }, { daemon, out, now }) => {
    const client = await daemon.connect();
    const image = await client.call("image.show", { ref: args.image });
    if (options.json) out.json(image);
    else if (options.quiet) out.line(image.id);
    else
      out.write(
        formatProperties(
          [
            ["Name", image.name],
            ["Id", image.id],
            ["Architecture", image.architecture],
            ["Init", image.init ?? "none; the agent takes its place"],
            ["Size", formatBytes(image.bytes)],
            ["Created", formatAge(image.createdAt, now())],
            ["Machines", image.usedBy.join(", ") || "none"],
          ],
          out,
        ),
      );
    return 0;
  },
);
