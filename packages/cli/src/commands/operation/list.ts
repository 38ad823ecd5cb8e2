/** `operation list`: what the daemon is working on, and what it has done. */
import { idsOption, jsonOption } from "../../arguments/output-options.ts";
import { formatTable, WHOLE } from "../../output/table.ts";
import { formatAge, formatDuration } from "../../output/time.ts";
import { stateTone } from "../../output/tone.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description:
      "Lists what is under way, whoever began it, and the operations that ended last. The newest comes last.",
    args: {},
    options: {
      running: { help: "only what has not ended" },
      quiet: idsOption,
      json: jsonOption,
    },
    examples: [
      { line: "banger operation list", help: "as a table" },
      { line: "banger operation list --running", help: "what is under way" },
    ],
  },
  async ({ options }, { daemon, out, now }) => {
    const client = await daemon.connect();
    const all = (await client.call("operation.list", {})).operations;
    const operations = options.running ? all.filter(({ state }) => state === "running") : all;
    if (options.json) out.json({ operations });
    else if (options.quiet) out.write(operations.map(({ id }) => `${id}\n`).join(""));
    else {
      const rows = operations.map(({ id, kind, subject, state, startedAt, durationMs, stages }) => [
        ...[id, kind, subject, state, formatAge(startedAt, now())],
        durationMs === null ? "" : formatDuration(durationMs),
        stages.at(-1)?.name ?? "",
      ]);
      out.write(formatTable(COLUMNS, rows, out));
    }
    return 0;
  },
);

const COLUMNS = [
  { head: "ID", rank: 0, least: WHOLE },
  { head: "KIND", rank: 2, least: WHOLE },
  { head: "SUBJECT", rank: 1 },
  { head: "STATE", rank: 0, least: WHOLE, tone: stateTone },
  { head: "BEGUN", rank: 3, least: WHOLE },
  { head: "TOOK", rank: 4, least: WHOLE },
  { head: "STAGE", rank: 5 },
];
