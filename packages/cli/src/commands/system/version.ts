/** `version`: which builds the command line, the daemon and the guest agents of both are. */
import type { Build } from "@banger/contract/daemon/system";
import { type AgentBuild, formatAgentBuild, parseAgentBuild, sameAgent } from "@banger/contract/guest/agent-build";
import { agent } from "@banger/contract/version";
import { jsonOption } from "../../arguments/output-options.ts";
import { formatProperties } from "../../output/table.ts";
import { defineCommand } from "../../program/command.ts";

type Told = Build & { readonly agent?: AgentBuild | undefined };

export const command = defineCommand(
  {
    description:
      "Tells which build the command line is, with the guest agent that it carries, and which one the daemon is if it runs. The agent of a machine is told by `show`.",
    args: {},
    options: { quiet: { short: "q", help: "print the version of this build only" }, json: jsonOption },
    examples: [
      { line: "banger version", help: "all builds" },
      { line: "banger --version", help: "this one, in a line" },
    ],
  },
  async ({ options }, { build, daemon, out, err }) => {
    const ours = { ...build, agent: parseAgentBuild(agent) };
    const client = await daemon.find();
    const theirs: Told | null = client
      ? { ...client.peer.build, agent: (await client.call("daemon.status", {})).agent }
      : null;
    if (options.json) out.json({ cli: ours, daemon: theirs });
    else if (options.quiet) out.line(build.version);
    else {
      for (const line of mismatches(ours, theirs)) err.line(`banger: ${line}`);
      out.write(formatProperties([...rows("Command line", ours), ...rows("Daemon", theirs)], out));
    }
    return 0;
  },
);

function rows(who: string, told: Told | null): [string, string][] {
  if (told === null) return [[who, "not running"]];
  return [
    [who, describe(told)],
    ...(told.agent ? [["Its agent", formatAgentBuild(told.agent)] as [string, string]] : []),
  ];
}

function mismatches(ours: Told, theirs: Told | null): string[] {
  if (theirs === null || describe(theirs) === describe(ours)) return [];
  const agents =
    ours.agent && theirs.agent && !sameAgent(ours.agent, theirs.agent)
      ? ["the daemon's guest agent is another one; machines that run get this one with this daemon"]
      : [];
  return ["the daemon is of another build; it is replaced when it is idle, and machines keep running", ...agents];
}

function describe({ version, commit, builtAt }: Build): string {
  return `${version} (${commit}, built ${builtAt})`;
}
