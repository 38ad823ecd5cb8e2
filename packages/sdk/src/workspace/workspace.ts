/** A directory of the host as a workspace in a machine: chosen by the plan, sent as one archive. */
import { GUEST_HOME } from "@banger/contract/daemon/files";
import { createNodeExec } from "@banger/platform/exec/exec-node";
import type { Exec } from "@banger/platform/exec/run";
import type { BangerClient } from "../client.ts";
import type { OnProgress } from "../files/budget.ts";
import type { Signal } from "../files/content.ts";
import type { Copied } from "../files/download.ts";
import { putPacked } from "../files/upload.ts";
import { type WorkspacePlan, workspaceSources } from "./plan-workspace.ts";

/** Uses the connection up. */
export async function sendWorkspace(
  client: BangerClient,
  options: Signal & { readonly ref: string; readonly plan: WorkspacePlan; readonly onProgress?: OnProgress },
): Promise<Copied> {
  const { plan, ...rest } = options;
  return await putPacked(client, { ...rest, directory: GUEST_HOME, sources: workspaceSources(plan) });
}

/** Where commands find it. */
export function workspaceDirectory({ name }: Pick<WorkspacePlan, "name">): string {
  return `${GUEST_HOME}/${name}`;
}

/** Runs git with what it needs of the user's environment: no variable that would make another repository of it. */
export function gitExec(env: Readonly<Record<string, string | undefined>>): Exec {
  const kept = ["PATH", "HOME", "XDG_CONFIG_HOME"].flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return createNodeExec({ env: Object.fromEntries(kept) });
}
