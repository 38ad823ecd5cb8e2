/** `operation show`: all about an operation, with its stages. */
import type { OperationView, Stage } from "@banger/contract/daemon/operation";
import { formatBytes } from "@banger/contract/sizes";
import { findOperation } from "@banger/sdk/operation";
import { idOption, jsonOption } from "../../arguments/output-options.ts";
import { operationRef } from "../../arguments/refs.ts";
import { formatProperties } from "../../output/table.ts";
import { formatAge, formatDuration } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Tells all about an operation: what it is about, its stages and how it ended.",
    args: { operation: { arity: "one", ...operationRef } },
    options: { quiet: idOption, json: jsonOption },
    examples: [{ line: "banger operation show 4k2j", help: "a line for each property" }],
  },
  async ({ args, options }, { daemon, out, now }) => {
    const operation = await findOperation(await daemon.connect(), args.operation);
    if (options.json) out.json(operation);
    else if (options.quiet) out.line(operation.id);
    else out.write(formatProperties(properties(operation, now()), out));
    return 0;
  },
);

function properties(operation: OperationView, now: number): readonly (readonly [string, string])[] {
  const { id, kind, subject, state, startedAt, durationMs, stages, error } = operation;
  return [
    ["Id", id],
    ["Kind", kind],
    ["Subject", subject],
    ["State", state],
    ["Begun", formatAge(startedAt, now)],
    ["Took", durationMs === null ? "not ended" : formatDuration(durationMs)],
    ...stages.map((stage): [string, string] => ["Stage", stageText(stage)]),
    ...(error ? ([["Error", `${error.message} (${error.code})`]] as const) : []),
  ];
}

function stageText({ name, durationMs, doneBytes, totalBytes }: Stage): string {
  const of = totalBytes === undefined ? "" : ` of ${formatBytes(totalBytes)}`;
  const bytes = doneBytes === undefined ? "" : `, ${formatBytes(doneBytes)}${of}`;
  return `${name}, ${durationMs === null ? "under way" : formatDuration(durationMs)}${bytes}`;
}
