/** The PATH of `run`: what of it goes into the machine, what is left behind and told, and the sending. */
import { isUtf8 } from "node:buffer";
import type { VmView } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import { sanitize } from "@banger/contract/guest-text";
import { formatBytes } from "@banger/contract/sizes";
import type { BangerClient } from "@banger/sdk/client";
import { deleteVm } from "@banger/sdk/vm";
import { planWorkspace, type WorkspacePlan } from "@banger/sdk/workspace/plan-workspace";
import { gitExec, sendWorkspace, workspaceDirectory } from "@banger/sdk/workspace/workspace";
import { startCopyProgress } from "../../output/copy-progress.ts";
import type { Context } from "../../program/context.ts";

export const workspaceOptions = {
  "include-untracked": { help: "with PATH: also files that git neither tracks nor ignores" },
  include: {
    value: "FILE",
    repeat: true,
    help: "with PATH: this file too, whatever git says",
    completes: "files",
  },
  "dry-run": { help: "with PATH: list what would be copied, with sizes, and do nothing" },
} as const;

type Options = {
  readonly "include-untracked": boolean;
  readonly include: readonly string[];
  readonly "dry-run": boolean;
  readonly quiet: boolean;
  readonly json: boolean;
};

const NAMES_SHOWN = 3;

export function refuseWithoutPath(options: Pick<Options, "include-untracked" | "include" | "dry-run">): void {
  const given = (["include-untracked", "include", "dry-run"] as const).find((name) => {
    const value = options[name];
    return typeof value === "boolean" ? value : value.length > 0;
  });
  if (given !== undefined) throw new AppError("USAGE", `run --${given} needs a PATH`);
}

/** Tells what stays behind, in one line. */
export async function planFrom(path: string, options: Options, { env, err, signal }: Context): Promise<WorkspacePlan> {
  const { include, quiet } = options;
  const how = { include, includeUntracked: options["include-untracked"], exec: gitExec(env), signal };
  const plan = await planWorkspace(path, how);
  const left = leftBehind(plan);
  if (left !== "" && !quiet) err.line(`banger: left behind: ${left}`);
  if (plan.exposed.length > 0 && !quiet)
    err.line(`banger: taken too: ${names(plan.exposed)}, which may hold secrets: there is no git that leaves it out`);
  return plan;
}

function leftBehind({ untracked, secrets, nested }: WorkspacePlan): string {
  return [
    untracked.length > 0 &&
      `${counted(untracked.length, "untracked file")} (--include-untracked takes ${untracked.length === 1 ? "it" : "them"})`,
    secrets.length > 0 && `${names(secrets)}, which may hold secrets (--include FILE takes one)`,
    nested.length > 0 && `${names(nested)}, of other repositories`,
  ]
    .filter((part) => part !== false)
    .join("; ");
}

/** The answer of --dry-run. */
export function showPlan(plan: WorkspacePlan, { json, quiet }: Options, { out, err }: Context): number {
  const files = plan.files.filter(({ kind }) => kind !== "directory");
  if (json) {
    const list = (paths: readonly Buffer[]) => paths.map(text);
    const shown = files.map(({ path, kind, size }) => ({ ...named(path), kind, size }));
    const { directory, bytes, untracked, secrets, nested } = plan;
    const notText = [...untracked, ...secrets, ...nested].filter((path) => !isUtf8(path)).map(named);
    const lists = { untracked: list(untracked), secrets: list(secrets), nested: list(nested) };
    const left = { ...lists, ...(notText.length > 0 && { notText }) };
    out.json({ directory, target: workspaceDirectory(plan), bytes, files: shown, leftBehind: left });
    return 0;
  }
  if (quiet) {
    for (const { path } of files) out.line(sanitize(text(path)));
    return 0;
  }
  const total = `${counted(files.length, "file")}, ${formatBytes(plan.bytes)}`;
  err.line(`banger: would copy ${total} to ${sanitize(workspaceDirectory(plan))}:`);
  for (const { path, size } of files) out.line(`${formatBytes(size).padStart(10)}  ${sanitize(text(path))}`);
  return 0;
}

/** A name that is no text is told twice: as it can be shown, and as it is. */
function named(path: Buffer): { path: string; pathBase64?: string } {
  return { path: text(path), ...(!isUtf8(path) && { pathBase64: path.toString("base64") }) };
}

/** The directory in the machine. Without its files the machine is of no use: it goes, as if it had never become ready. */
export async function sendInto(
  machine: VmView,
  plan: WorkspacePlan,
  { quiet, client, context }: { quiet: boolean; client: BangerClient; context: Context },
): Promise<string> {
  const { signal, err, now } = context;
  try {
    signal.throwIfAborted();
    using progress = startCopyProgress({ err, quiet, now });
    const { onProgress } = progress;
    progress.onTotal?.({ entries: plan.files.filter(({ kind }) => kind !== "directory").length, bytes: plan.bytes });
    const sent = await sendWorkspace(await context.daemon.connect(), { ref: machine.id, plan, signal, onProgress });
    progress.done(sent);
    return workspaceDirectory(plan);
  } catch (error) {
    await deleteVm(client, machine.id).catch(() => undefined); // why it was to go is what has to be told
    throw error;
  }
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function names(paths: readonly Buffer[]): string {
  const shown = paths.slice(0, NAMES_SHOWN).map((path) => sanitize(text(path)));
  const more = paths.length - shown.length;
  return more > 0 ? `${shown.join(", ")} and ${more} more` : shown.join(", ");
}

function text(path: Buffer): string {
  return path.toString("utf8");
}
