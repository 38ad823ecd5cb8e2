/** `image build`: an image from a recipe. */
import { buildImage } from "@banger/sdk/content";
import { jsonOption, quietOption } from "../../arguments/output-options.ts";
import { parseRef } from "../../arguments/parse-ref.ts";
import { startProgress } from "../../output/progress.ts";
import { defineCommand } from "../../program/command.ts";

const DEFAULT = "debian-bookworm";
const RECIPES = [DEFAULT, "minimal"];

export const command = defineCommand(
  {
    description: "Builds an image from Debian's own packages. One that was built from the same recipe is kept.",
    args: {
      recipe: {
        arity: "optional",
        help: `which recipe (default: ${DEFAULT})`,
        parse: parseRef,
        completes: { values: RECIPES },
      },
    },
    options: { quiet: quietOption, json: jsonOption },
    examples: [
      { line: "banger image build", help: "the default image" },
      { line: "banger image build minimal", help: "a small one, without an init" },
    ],
  },
  async ({ args, options }, { daemon, out, err, signal, now }) => {
    const client = await daemon.connect();
    using progress = startProgress({ err, quiet: options.quiet, now });
    const image = await buildImage(client, args.recipe ?? DEFAULT, { signal, onChange: progress.onChange });
    progress.done(`image ${image.name} is there`);
    if (options.json) out.json(image);
    else out.line(image.id);
    return 0;
  },
);
