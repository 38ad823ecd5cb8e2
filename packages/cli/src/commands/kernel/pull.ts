/** `kernel pull`: a kernel from Debian. */
import { pullKernel } from "@banger/sdk/content";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { parseRef } from "../../arguments/parse-ref.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";

const DEFAULT = "debian";

export const command = defineCommand(
  {
    description: "Fetches a kernel from the host's Debian sources, and makes it ready to boot machines.",
    args: {
      name: {
        arity: "optional",
        help: `which kernel (default: ${DEFAULT})`,
        parse: parseRef,
        completes: { values: [DEFAULT] },
      },
    },
    options: { quiet: quietOption, json: jsonOption },
    examples: [{ line: "banger kernel pull", help: "Debian's newest kernel for virtual machines" }],
  },
  async ({ args, options }, { daemon, out, err, signal, now }) => {
    const client = await daemon.connect();
    using progress = startProgress({ err, quiet: options.quiet, now });
    const kernel = await pullKernel(client, args.name ?? DEFAULT, { signal, onChange: progress.onChange });
    progress.done(`kernel ${kernel.name} is there`);
    if (options.json) out.json(kernel);
    else out.line(kernel.id);
    return 0;
  },
);
