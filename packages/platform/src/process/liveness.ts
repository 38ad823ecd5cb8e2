/**
 * The one place that decides whether a process is alive, and that reads about one in /proc.
 *
 * A pid alone names nobody: it is given again. A process is its pid, its start time and the boot in which it ran.
 */
import { readdirSync, readFileSync } from "node:fs";
import { errnoOf } from "../fs/errno.ts";

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
