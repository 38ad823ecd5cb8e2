/** What is known of a command that was left running: a file in its folder, written whole or not at all. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { ExecId } from "@banger/contract/ids";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import * as z from "zod";

const FILE = "command.json";

const Command = z.object({
  id: ExecId,
  argv: z.array(z.string()),
  /** whether the machine is deleted when it has ended */
  thenDelete: z.boolean().default(false),
  /** whether it has a terminal, and whether it takes input */
  tty: z.boolean().default(false),
  stdin: z.boolean().default(false),
  /** its client has it: nobody else follows it, and it is hung up without that */
  attached: z.boolean().default(false),
  /** ISO 8601 */
  startedAt: z.string(),
  /** `null` while it runs */
  end: z
    .union([z.object({ status: z.number() }), z.object({ signal: z.number() }), z.object({ lost: z.string() })])
    .nullable(),
});
export type Command = z.infer<typeof Command>;

/** In the order in which they were started. */
export async function listCommands(directory: string): Promise<ReadonlyArray<{ folder: string; command: Command }>> {
  const names = await readdir(directory).catch(() => []); // none was ever started
  const found = await Promise.all(names.map((name) => readCommand(join(directory, name))));
  return found.flatMap((one) => one ?? []).sort((a, b) => a.command.startedAt.localeCompare(b.command.startedAt));
}

async function readCommand(folder: string): Promise<{ folder: string; command: Command } | undefined> {
  try {
    return { folder, command: Command.parse(JSON.parse(await readFile(join(folder, FILE), "utf8"))) };
  } catch {
    return undefined; // the daemon died before the command was written down, so it was never started
  }
}

export async function writeCommand(folder: string, command: Command): Promise<void> {
  await atomicWrite(join(folder, FILE), JSON.stringify(command));
}
