/**
 * Ends a child of ours and everything in its session: SIGTERM, a grace, SIGKILL.
 *
 * A number is trusted only while it cannot have been given to somebody else: as long as the child is not reaped, or as
 * long as /proc shows a member of the session that the child led (the kernel does not reuse such a number).
 */
import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { errnoOf } from "../fs/errno.ts";

export function endGroup(child: ChildProcess, options: { graceMs: number; finished: AbortSignal }): void {
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => {
    signalGroup(child, "SIGKILL");
    // What left the session keeps the pipes; it is not ours to end, and not ours to wait for.
    for (const pipe of child.stdio) pipe?.destroy();
  }, options.graceMs);
  options.finished.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

/** Now, and without a grace: for what must not outlive a run that was ended early. */
export function killGroup(child: ChildProcess): void {
  signalGroup(child, "SIGKILL");
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  const leader = child.pid;
  if (leader === undefined) return;
  const reaped = child.exitCode !== null || child.signalCode !== null;
  if (reaped && !sessionHasMembers(leader)) return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    // ESRCH: the last member left between the look and the call, or is reaped and Node has not told so yet.
    if (errnoOf(error) !== "ESRCH") throw error;
  }
}

function sessionHasMembers(session: number): boolean {
  return readdirSync("/proc").some((name) => /^\d+$/.test(name) && sessionOf(name) === session);
}

function sessionOf(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return state === "Z" ? undefined : Number(session);
  } catch {
    return undefined; // ENOENT or ESRCH: it ended while we looked
  }
}
