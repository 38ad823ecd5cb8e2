/** The command line at a terminal of its own, which script(1) makes; what is typed and shown goes through pipes. */
import assert from "node:assert/strict";
import { Command } from "./command.ts";
import { type Home, product } from "./home.ts";

/** What a shell shows when the command has ended: its status, and whether the terminal is as it was. */
export const ENDED = /ended with (\d+), (mended|broken)\r\n/;

export type Terminal = Command & { readonly device: string };

/** `ended with STATUS, mended` is shown behind the command. */
export async function atTerminal(
  home: Home,
  argv: readonly string[],
  { rows = 33, columns = 101, env = {} }: { rows?: number; columns?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<Terminal> {
  const words = [...product, ...argv].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  const line = `tty; stty rows ${rows} cols ${columns}; before=$(stty -g)
  ${words}; status=$?
  [ "$before" = "$(stty -g)" ] && how=mended || how=broken
  echo "ended with $status, $how"`;
  const all = { ...home.env, SHELL: "/bin/sh", TERM: "xterm-256color", ...env };
  const terminal = new Command(["script", "-qec", line, "/dev/null"], { env: all, stdin: "pipe", deadlineMs: 240_000 });
  const [device = ""] = await terminal.shows(/\/dev\/pts\/\d+/);
  return Object.assign(terminal, { device });
}

export async function resize(terminal: Terminal, { rows, columns }: { rows: number; columns: number }): Promise<void> {
  const { PATH } = process.env;
  const argv = ["stty", "-F", terminal.device, "rows", String(rows), "cols", String(columns)];
  assert.equal((await new Command(argv, { env: { PATH } }).ended).status, 0);
}
