/** `prune`: machines that do not run, and what lies in quarantine, are removed; without `-f` they are only named. */
import type { Pruned, PruneItem } from "@banger/contract/daemon/prune";
import { formatBytes } from "@banger/contract/sizes";
import { appErrorOf } from "@banger/sdk/app-error";
import { listPrunable, prune } from "@banger/sdk/prune";
import { jsonOption, silentOption } from "../../arguments/output-options.ts";
import { startProgress } from "../../output/progress.ts";
import { statusOf, writeError } from "../../output/report-error.ts";
import { formatTable, WHOLE } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";
import type { Context } from "../../program/context.ts";

export const command = defineCommand(
  {
    description:
      "Lists what nobody uses: machines that are stopped or have failed, and directories in quarantine, which no machine owns. " +
      "With --force it is removed; there is no way back.",
    args: {},
    options: { force: { short: "f", help: "remove it" }, quiet: silentOption, json: jsonOption },
    examples: [
      { line: "banger prune", help: "what could go, and its space" },
      { line: "banger prune -f", help: "remove it" },
    ],
  },
  async ({ options }, context) => {
    if (options.force) return await remove(options, context);
    const client = await context.daemon.connect();
    const items = await listPrunable(client, { signal: context.signal });
    if (options.json) context.out.json({ items });
    else if (!options.quiet) show(items, context);
    return 0;
  },
);

const COLUMNS = [
  { head: "NAME", rank: 0, least: 20 },
  { head: "STATE", rank: 1, least: WHOLE },
  { head: "SPACE", rank: 0, least: WHOLE },
  { head: "CREATED", rank: 2, least: WHOLE },
];

type Options = { readonly quiet: boolean; readonly json: boolean };

async function remove({ quiet, json }: Options, context: Context): Promise<number> {
  const { out, err, signal, now, interrupts } = context;
  const client = await context.daemon.connect();
  using progress = startProgress({ err, quiet: quiet || json, now });
  const result = await prune(client, { signal, onChange: progress.onChange });
  const gone = result.items.filter(({ error }) => !error);
  progress.done(`${formatBytes(bytesOf(gone))} freed`);
  if (json) out.json(result);
  else if (!quiet) for (const { name } of gone) out.line(name);
  let status = 0;
  for (const { error } of result.items) {
    if (!error) continue;
    const failure = appErrorOf(error);
    const its = statusOf(failure, { ofCommand: false, interruptStatus: interrupts.status });
    writeError(failure, { err, json, status: its });
    status ||= its;
  }
  return status;
}

function show(items: readonly PruneItem[], { out, err, now }: Context): void {
  if (items.length === 0) {
    err.line("banger: there is nothing to remove");
    return;
  }
  const rows = items.map((item) => [
    ...[item.name, item.kind === "machine" ? item.state : "in quarantine", formatBytes(item.bytes)],
    item.kind === "machine" ? formatAge(item.createdAt, now()) : "-",
  ]);
  out.write(formatTable(COLUMNS, rows, out));
  err.line(`banger: \`banger prune -f\` removes them and frees ${formatBytes(bytesOf(items))}`);
}

function bytesOf(items: readonly (PruneItem | Pruned)[]): number {
  return items.reduce((sum, { bytes }) => sum + bytes, 0);
}
