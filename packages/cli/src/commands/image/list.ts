/** `image list`: the images that there are. */
import { formatBytes } from "@banger/contract/sizes";
import { idsOption, jsonOption } from "../../arguments/output-options.ts";
import { formatTable, WHOLE } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Lists the images. Size is what one takes on this host's disk.",
    args: {},
    options: { quiet: idsOption, json: jsonOption },
    examples: [{ line: "banger image list", help: "as a table" }],
  },
  async ({ options }, { daemon, out, now }) => {
    const client = await daemon.connect();
    const answer = await client.call("image.list", {});
    if (options.json) out.json(answer);
    else if (options.quiet) out.write(answer.images.map(({ id }) => `${id}\n`).join(""));
    else {
      const rows = answer.images.map(({ name, id, bytes, init, createdAt, usedBy }) => [
        ...[name, id, formatBytes(bytes), init ?? "none", formatAge(createdAt, now()), String(usedBy.length)],
      ]);
      out.write(formatTable(COLUMNS, rows, out));
    }
    return 0;
  },
);

const COLUMNS = [
  { head: "NAME", rank: 0, least: 20 },
  { head: "ID", rank: 4, least: WHOLE },
  { head: "SIZE", rank: 1, least: WHOLE },
  { head: "INIT", rank: 3, least: WHOLE },
  { head: "CREATED", rank: 2, least: WHOLE },
  { head: "MACHINES", rank: 5, least: WHOLE },
];
