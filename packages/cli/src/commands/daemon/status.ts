/** `daemon status`: about the daemon, which is not started for it. */
import type { DaemonStatus } from "@banger/contract/daemon/system";
import { AppError } from "@banger/contract/errors";
import { formatAgentBuild } from "@banger/contract/guest/agent-build";
import { formatBytes } from "@banger/contract/sizes";
import { jsonOption } from "../../arguments/output-options.ts";
import { formatProperties } from "../../output/table.ts";
import { formatAge } from "../../output/time.ts";
import { defineCommand } from "../../program/command.ts";

export const command = defineCommand(
  {
    description: "Tells about the daemon. It is not started for this: exit status 6 means that none runs.",
    args: {},
    options: { quiet: { short: "q", help: "print its process id only" }, json: jsonOption },
    examples: [{ line: "banger daemon status", help: "whether it runs, and where its files are" }],
  },
  async ({ options }, { daemon, out, now }) => {
    const client = await daemon.find();
    if (!client) {
      throw new AppError("DAEMON_UNREACHABLE", "the daemon is not running", {
        hint: "Any command that needs it starts it; `banger daemon start` does only that.",
        facts: { socket: daemon.places.socket },
      });
    }
    const status = await client.call("daemon.status", {});
    if (options.json) out.json(status);
    else if (options.quiet) out.line(String(status.pid));
    else out.write(formatProperties(properties(status, now()), out));
    return 0;
  },
);

function properties(status: DaemonStatus, now: number): [string, string][] {
  const { build, agent, machines } = status;
  return [
    ["Build", `${build.version} (${build.commit}, built ${build.builtAt})`],
    ...(agent ? [["Agent", formatAgentBuild(agent)] satisfies [string, string]] : []),
    ["Process", String(status.pid)],
    ["Started", formatAge(status.startedAt, now)],
    ["Machines", `${machines.total}, ${machines.running} running`],
    ["Operations", `${status.operations} under way`],
    ["Memory", formatBytes(status.residentBytes)],
    ["State", status.stateDirectory],
    ["Socket", status.socket],
    ["Log", status.logFile],
  ];
}
