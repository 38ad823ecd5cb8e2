/**
 * Processes that are not our children, as others are given them. The only place that signals one: what acts on a process
 * holds a pidfd, and has checked the identity behind it.
 */
import { constants } from "node:os";
import { AppError } from "@banger/contract/errors";
import { errnoOf } from "../fs/errno.ts";
import type { Native } from "../native.ts";
import { raceAbort, withDeadline } from "../time/deadline.ts";
import {
  descendants,
  findByNonce,
  identify,
  isAlive,
  type ProcessIdentity,
  type ProcessUsage,
  readBootId,
  usageOf,
} from "./liveness.ts";

/** how long the kernel may take to end what got SIGKILL, `ms` */
const KILL_DEADLINE_MS = 30_000;

type Pidfd = Pick<Native, "pidfdOpen" | "pidfdSendSignal" | "pidfdWait" | "closeFd">;

/** An interface, so that tests can do without processes. */
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
