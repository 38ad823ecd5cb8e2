/**
 * The native addon: the few system calls that Node has no word for. Loaded on first use by whoever composes the
 * process; nothing else may load native code.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { AppError } from "@banger/contract/errors";

export type PeerCredentials = { readonly pid: number; readonly uid: number; readonly gid: number };

export type Native = {
  /** SO_PEERCRED of a connected Unix socket */
  peerCredentials(fd: number): PeerCredentials;
  /** close it with closeFd */
  pidfdOpen(pid: number): number;
  pidfdSendSignal(fd: number, signo: number): void;
  /** resolves when the process has ended */
  pidfdWait(fd: number): Promise<void>;
  closeFd(fd: number): void;
  /** never waits; false when another open file description holds it */
  ofdLock(fd: number, exclusive: boolean): boolean;
  openat2(dirfd: number, path: string, flags: number, mode: number, resolve: number): number;
  /** gives free pages of the C library's heap back to the system */
  trimHeap(): void;
};

const FILE = "banger.node";

/** `from` is a file of the running program; the addon lies beside it, or in build/native of a directory above. */
export function findNative(from: string): string | undefined {
  for (let dir = dirname(from); ; dir = dirname(dir)) {
    for (const candidate of [join(dir, FILE), join(dir, "native", FILE), join(dir, "build/native", FILE)]) {
      if (existsSync(candidate)) return candidate;
    }
    if (dir === dirname(dir)) return undefined;
  }
}

export function loadNative(path: string): Native {
  try {
    return createRequire(path)(path) as Native;
  } catch (error) {
    throw new AppError("PREREQUISITE_MISSING", `the native addon ${path} can not be loaded`, {
      facts: { path },
      hint: "Remove build/native and build/ready.sh from the checkout; the next command makes them anew.",
      cause: error,
    });
  }
}
