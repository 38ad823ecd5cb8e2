/**
 * Records the first run for README.md: in a home that is new, at a terminal of 80 columns, with real machines. What is shown is
 * what the screen looks like when each command has ended. Takes some minutes: the image is built as for any new user.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Command } from "../tests/harness/command.ts";
import { checkout, Home } from "../tests/harness/home.ts";
import { sessionCommands, withSession } from "./session/commands.ts";
import { screenOf } from "./session/screen.ts";

const page = join(checkout, "README.md");
const DEADLINE_MS = 20 * 60_000;

async function record(home: Home): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const line of sessionCommands) {
    const argv = ["/usr/bin/script", "-qec", `stty cols 80 rows 30; ${line}`, "/dev/null"];
    const env = { ...home.env, SHELL: "/bin/sh", TERM: "xterm" };
    // Standard input stays open: its end would be typed at the terminal.
    const options = { env, cwd: checkout, deadlineMs: DEADLINE_MS, stdin: "pipe" } as const;
    const { status, stdout } = await new Command(argv, options).ended;
    if (status !== 0) throw new Error(`${line}: status ${status}\n${stdout}`);
    const shown = [`$ ${line}`, ...screenOf(stdout)];
    process.stdout.write(`${shown.join("\n")}\n`);
    lines.push(...shown);
  }
  return lines;
}

const home = await Home.make();
try {
  const lines = await record(home);
  await writeFile(page, withSession(await readFile(page, "utf8"), lines));
} finally {
  await home.close();
}
