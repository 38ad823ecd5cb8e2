/**
 * The one place that decides whether a process is alive, and the only one that signals a process which is not our child.
 *
 * A pid alone names nobody: it is given again. A process is its pid, its start time and the boot in which it ran; what
 * acts on one holds a pidfd and checks the identity behind it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { AppError } from "@banger/contract/errors";
import { errnoOf } from "../fs/errno.ts";
import type { Native } from "../native.ts";
import { raceAbort, withDeadline } from "../time/deadline.ts";

export type ProcessIdentity = {
  readonly pid: number;
  /** clock ticks after boot */
  readonly startTime: number;
  readonly bootId: string;
};

export type ProcessUsage = {
  readonly residentBytes: number;
  /** since its start, in its own code and in the kernel, `ms` */
  readonly cpuMs: number;
};

/** what /proc counts in, on every architecture */
const TICK_MS = 10;

/** how long the kernel may take to end what got SIGKILL, `ms` */
const KILL_DEADLINE_MS = 30_000;

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

/** Processes with exactly `nonce` among their arguments, for those whose record was never written. A child that was
 * forked and has not yet become another program is one of them. */
export function findByNonce(nonce: string): ProcessIdentity[] {
  const found: ProcessIdentity[] = [];
  for (const name of readdirSync("/proc")) {
    if (!/^[1-9]\d*$/.test(name)) continue;
    const before = identify(Number(name));
    if (before && argvOf(before.pid).includes(nonce) && isAlive(before)) found.push(before);
  }
  return found;
}

/** Those whom this process has started, and those whom they have started, as they are now. */
export function descendants(of: ProcessIdentity): ProcessIdentity[] {
  if (!isAlive(of)) return [];
  return childPids(of.pid).flatMap((pid) => {
    const child = identify(pid);
    return child ? [child, ...descendants(child)] : [];
  });
}

function childPids(pid: number): readonly number[] {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim();
    return listed === "" ? [] : listed.split(" ").map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** What a process uses, threads and all; undefined when it is no more. */
export function usageOf(identity: ProcessIdentity): ProcessUsage | undefined {
  const before = readStat(identity.pid);
  const residentKib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(statusOf(identity.pid))?.[1] ?? 0);
  // Asked afterwards: what was read in between is of the same process.
  if (!before || !isAlive(identity)) return undefined;
  return { residentBytes: residentKib * 1024, cpuMs: before.cpuTicks * TICK_MS };
}

/** What others are given instead of the functions, so that tests can do without processes. */
export type Processes = {
  bootId(): string;
  identify(pid: number): ProcessIdentity | undefined;
  isAlive(identity: ProcessIdentity): boolean;
  findByNonce(nonce: string): ProcessIdentity[];
  descendants(of: ProcessIdentity): ProcessIdentity[];
  usage(identity: ProcessIdentity): ProcessUsage | undefined;
  /** false when the process is no more */
  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean;
  /** at once if it has ended already; anybody's process, not only a child */
  waitForExit(identity: ProcessIdentity, options: { signal?: AbortSignal }): Promise<void>;
  /** SIGTERM, SIGKILL after `graceMs`; resolves when the process is gone */
  end(
    identity: ProcessIdentity,
    options: { graceMs: number; signal?: AbortSignal },
  ): Promise<"ended" | "killed" | "was-gone">;
};

export function createProcesses(native: Pidfd): Processes {
  const bootId = readBootId();
  const processes: Processes = {
    bootId: () => bootId,
    identify,
    isAlive,
    findByNonce,
    descendants,
    usage: usageOf,
    signal: (identity, signal) => signalProcess(identity, signal, native),
    waitForExit: (identity, options) => waitForExit(identity, native, options),
    end: (identity, options) => endProcess(processes, identity, options),
  };
  return processes;
}

function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals, native: Pidfd): boolean {
  const fd = openIdentity(identity, native);
  if (fd === undefined) return false;
  try {
    native.pidfdSendSignal(fd, constants.signals[signal]);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ESRCH") return false;
    throw error;
  } finally {
    native.closeFd(fd);
  }
}

async function waitForExit(identity: ProcessIdentity, native: Pidfd, options: { signal?: AbortSignal }): Promise<void> {
  options.signal?.throwIfAborted();
  const fd = openIdentity(identity, native);
  if (fd === undefined) return;
  try {
    const exited = native.pidfdWait(fd);
    await (options.signal ? raceAbort(exited, options.signal) : exited);
  } finally {
    native.closeFd(fd);
  }
}

async function endProcess(
  processes: Pick<Processes, "signal" | "waitForExit">,
  identity: ProcessIdentity,
  options: { graceMs: number; signal?: AbortSignal },
): Promise<"ended" | "killed" | "was-gone"> {
  if (!processes.signal(identity, "SIGTERM")) return "was-gone";
  const what = `process ${identity.pid} to end`;
  const wait = (signal: AbortSignal) => processes.waitForExit(identity, { signal });
  try {
    await withDeadline(wait, { signal: options.signal, ms: options.graceMs, what });
    return "ended";
  } catch (error) {
    options.signal?.throwIfAborted();
    if (!AppError.is(error, "TIMEOUT")) throw error;
  }
  processes.signal(identity, "SIGKILL");
  // SIGKILL is not refused; only the kernel itself can delay it, and then it is worth telling.
  await withDeadline(wait, { signal: options.signal, ms: KILL_DEADLINE_MS, what });
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

type Stat = { readonly state: string; readonly startTime: number; readonly cpuTicks: number };

function readStat(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name in parentheses may hold anything; what is counted begins after its last one.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const state = fields[0];
    const startTime = Number(fields[19]);
    const cpuTicks = Number(fields[11]) + Number(fields[12]);
    return state !== undefined && Number.isSafeInteger(startTime) ? { state, startTime, cpuTicks } : undefined;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "latin1");
  } catch (error) {
    if (isGone(error)) return "";
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
