/** `version`: which build this is, and which one the daemon is. */
import type { Build } from "@banger/contract/daemon/system";
import { jsonOption } from "../../arguments/output-options.ts";
import { formatProperties } from "../../output/table.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Tells which build the command line is, and which one the daemon is if it runs.",
    args: {},
    options: { quiet: { short: "q", help: "print the version of this build only" }, json: jsonOption },
    examples: [
      { line: "banger version", help: "both builds" },
      { line: "banger --version", help: "this one, in a line" },
    ],
  },
  async ({ options }, { build, daemon, out, err }) => {
    const client = await daemon.find();
    const theirs = client?.peer.build ?? null;
    if (options.json) out.json({ cli: build, daemon: theirs });
    else if (options.quiet) out.line(build.version);
    else {
      out.write(
        formatProperties([
          ["Command line", describe(build)],
          ["Daemon", theirs === null ? "not running" : describe(theirs)],
        ]),
      );
      if (theirs !== null && describe(theirs) !== describe(build)) {
        err.line("banger: the daemon is of another build; it is replaced when it is idle, and machines keep running");
      }
    }
    return 0;
  },
);

function describe({ version, commit, builtAt }: Build): string {
  return `${version} (${commit}, built ${builtAt})`;
}
