/**
 * Machines keep running through an upgrade of banger, so a new daemon finds agents of older builds: it puts its own in
 * their place. Commands and their streams live on; an agent that cannot be replaced goes on serving as it is.
 */
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { parseAgentBuild, sameAgent } from "@banger/contract/guest/agent-build";
import type { Exec } from "@banger/platform/exec/run";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";
import { upgrade } from "./upgrade.ts";

const VERSION_MS = 5_000;

/** What the agent in this file will say of its build in HELLO. */
export async function agentBuild(exec: Exec, file: string): Promise<string> {
  const { stdout } = await exec.run([file, "--version"], { deadlineMs: VERSION_MS });
  return stdout.toString("utf8").trim();
}

/** `build` is that of the agent in `file`; resolves with what had to be done. What others ask of the guest meanwhile waits. */
export async function bringUpToDate(
  guest: GuestChannel,
  agent: { readonly file: string; readonly build: string | Promise<string> },
  waiting: Waiting,
): Promise<"current" | "upgraded"> {
  return await guest.alone(async () => {
    const { build } = await guest.ready(waiting);
    if (sameAgent(parseAgentBuild(build?.raw() ?? "none"), parseAgentBuild(await agent.build))) return "current";
    const { size } = await stat(agent.file);
    await upgrade(guest, { bytes: createReadStream(agent.file), size }, { ...waiting, ahead: true });
    return "upgraded";
  });
}
