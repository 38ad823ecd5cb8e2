/** `kernel show`: all about a kernel. */
import { formatBytes } from "@banger/contract/sizes";
import { idOption, jsonOption } from "../../arguments/output-options.ts";
import { kernelRef } from "../../arguments/refs.ts";
import { formatProperties } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Tells all about a kernel.",
    args: { kernel: { arity: "one", ...kernelRef } },
    options: { quiet: idOption, json: jsonOption },
    examples: [{ line: "banger kernel show debian", help: "a line for each property" }],
  },
  async ({ args, options }, { daemon, out, now }) => {
    const client = await daemon.connect();
    const kernel = await client.call("kernel.show", { ref: args.kernel });
    if (options.json) out.json(kernel);
    else if (options.quiet) out.line(kernel.id);
    else
      out.write(
        formatProperties(
          [
            ["Name", kernel.name],
            ["Id", kernel.id],
            ["Release", kernel.release],
            ["Architecture", kernel.architecture],
            ["Size", formatBytes(kernel.bytes)],
            ["Created", formatAge(kernel.createdAt, now())],
            ["Machines", kernel.usedBy.join(", ") || "none"],
          ],
          out,
        ),
      );
    return 0;
  },
);
