/**
 * The one place that decides whether a process is alive, and the only one that signals a process which is not our child.
 *
 * A pid alone names nobody: it is given again. A process is its pid, its start time and the boot in which it ran; what
 * acts on one holds a pidfd and checks the identity behind it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { AppError } from "@banger/contract/errors";
import type { Native } from "../native.ts";
import { raceAbort } from "../time/deadline.ts";

export type ProcessIdentity = {
  readonly pid: number;
  /** clock ticks after boot, as decimal text: it may exceed what a number holds */
  readonly startTime: string;
  readonly bootId: string;
};

type Pidfd = Pick<Native, "pidfdOpen" | "pidfdSendSignal" | "pidfdWait" | "closeFd">;

export function readBootId(): string {
  return readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
}

/** The identity of the process that has this pid now; undefined when there is none, or only its unreaped remains. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readStat(pid);
  return stat && stat.state !== "Z" && stat.state !== "X"
    ? { pid, startTime: stat.startTime, bootId: readBootId() }
    : undefined;
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = identify(identity.pid);
  return now !== undefined && now.startTime === identity.startTime && now.bootId === identity.bootId;
}

/** Processes with exactly `nonce` among their arguments, for those whose record was never written. */
export function findByNonce(nonce: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^[1-9]\d*$/.test(name)) continue;
    const before = identify(Number(name));
    if (before && argvOf(before.pid).includes(nonce) && isAlive(before)) found.push(before);
  }
  return found;
}

/** True when the signal was sent, false when the process is no more. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals, options: { native: Pidfd }): boolean {
  const fd = openIdentity(identity, options.native);
  if (fd === undefined) return false;
  try {
    options.native.pidfdSendSignal(fd, constants.signals[signal]);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return false;
    throw error;
  } finally {
    options.native.closeFd(fd);
  }
}

/** Resolves when the process has ended, at once if it already has. */
export async function waitForExit(
  identity: ProcessIdentity,
  options: { native: Pidfd; signal: AbortSignal },
): Promise<void> {
  options.signal.throwIfAborted();
  const fd = openIdentity(identity, options.native);
  if (fd === undefined) return;
  try {
    await raceAbort(options.native.pidfdWait(fd), options.signal);
  } finally {
    options.native.closeFd(fd);
  }
}

/** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
export async function endProcess(
  identity: ProcessIdentity,
  options: { native: Pidfd; graceMs: number; signal: AbortSignal },
): Promise<"ended" | "killed" | "was-gone"> {
  const { native, graceMs, signal } = options;
  if (!signalProcess(identity, "SIGTERM", { native })) return "was-gone";
  const grace = AbortSignal.timeout(graceMs);
  try {
    await waitForExit(identity, { native, signal: AbortSignal.any([signal, grace]) });
    return "ended";
  } catch (error) {
    signal.throwIfAborted();
    if (!grace.aborted) throw error;
  }
  signalProcess(identity, "SIGKILL", { native });
  await waitForExit(identity, { native, signal });
  return "killed";
}

/** A pidfd of exactly this process. The check comes after the open: from then on the descriptor can mean no other. */
function openIdentity(identity: ProcessIdentity, native: Pidfd): number | undefined {
  if (!isAlive(identity)) return undefined;
  let fd: number;
  try {
    fd = native.pidfdOpen(identity.pid);
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return undefined;
    throw new AppError("INTERNAL", `no pidfd for process ${identity.pid}`, { cause: error });
  }
  if (isAlive(identity)) return fd;
  native.closeFd(fd);
  return undefined;
}

function readStat(pid: number): { state: string; startTime: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; what is counted begins after its last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [state, startTime] = [fields[0], fields[19]];
    return state !== undefined && startTime !== undefined ? { state, startTime } : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function argvOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  } catch (error) {
    if (isGone(error) || errnoOf(error) === "EACCES" || errnoOf(error) === "EPERM") return [];
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === "ENOENT" || errno === "ESRCH";
}

function errnoOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? Reflect.get(error, "code") : undefined;
  return typeof code === "string" ? code : undefined;
}
