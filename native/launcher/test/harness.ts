/**
 * Starts the launcher on a directory of its own with a small program in the VMM's place, and cleans up after it.
 * Waits are on the state of files and processes, with a deadline; nothing here signals a process it did not start.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const built = join(import.meta.dirname, "../../../build/native/banger-launcher");

/** The one under test; the static one where a test needs a binary without libraries. */
export const launcherPath = process.env.LAUNCHER ?? built;
export const staticLauncherPath = built;
const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

export type User = "self" | "nobody";
/** The users to try: as root also an ordinary one. */
export const users: readonly User[] = isRoot ? ["self", "nobody"] : ["self"];

export type Report = {
  readonly launcher: number;
  readonly launcherStart: number;
  readonly vmm: number;
  readonly vmmStart: number;
  readonly isolation: readonly string[];
  readonly reason: string | null;
};

type Outcome = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

export function asUser(user: User, argv: readonly string[]): readonly string[] {
  return user === "self" ? argv : ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", ...argv];
}

export function run(argv: readonly string[]): Outcome {
  const [file = "", ...args] = argv;
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8", timeout: 30_000 });
  return { status, stdout, stderr };
}

/** Start time in clock ticks, or undefined when no such process lives (a zombie does not). */
export function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : Number(fields[19]);
  } catch {
    return undefined; // ENOENT or ESRCH: it is gone
  }
}

/** Clock ticks of processor time that a process has used, in user and kernel mode. */
export function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return Number(fields[11]) + Number(fields[12]);
}

export function children(pid: number): readonly number[] {
  const listed = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  return listed === "" ? [] : listed.split(" ").map(Number);
}

/** Whether a test may mount things, in a mount namespace of its own. */
export const canMount = isRoot && run(["unshare", "-m", "true"]).status === 0;

export async function until<T>(what: string, look: () => T | undefined): Promise<T> {
  const deadline = AbortSignal.timeout(20_000);
  for (;;) {
    const seen = look();
    if (seen !== undefined) return seen;
    if (deadline.aborted) assert.fail(`waited 20 s for ${what}`);
    await pause(10);
  }
}

export class Machine implements Disposable {
  readonly dir: string;
  readonly user: User;
  readonly #started: Report[] = [];

  constructor(user: User = "self") {
    this.user = user;
    this.dir = mkdtempSync(join(tmpdir(), "banger-launcher-"));
    if (user === "nobody") chownSync(this.dir, NOBODY, NOBODY);
  }

  argv(vmm: readonly string[], options: readonly string[] = []): readonly string[] {
    return asUser(this.user, [launcherPath, "--dir", this.dir, "--nonce", "n0nce", ...options, "--", ...vmm]);
  }

  attempt(vmm: readonly string[], options: readonly string[] = []): Outcome {
    return run(this.argv(vmm, options));
  }

  /** Runs a shell script in the VMM's place. */
  start(script: string, options: readonly string[] = []): Report {
    return this.startVmm(["/bin/sh", "-c", script], options);
  }

  startVmm(vmm: readonly string[], options: readonly string[] = []): Report {
    const { status, stdout, stderr } = this.attempt(vmm, options);
    assert.equal(status, 0, stdout + stderr);
    return this.adopt(stdout);
  }

  adopt(stdout: string): Report {
    const report: Report = JSON.parse(stdout);
    this.#started.push(report);
    return report;
  }

  read(name: string): string {
    return readFileSync(join(this.dir, name), "utf8");
  }

  has(name: string): boolean {
    return existsSync(join(this.dir, name));
  }

  async exit(): Promise<{ status: number | null; signal: string | null; at: number; nonce: string }> {
    return until("exit.json", () => {
      try {
        return JSON.parse(this.read("exit.json"));
      } catch {
        return undefined; // not written yet
      }
    });
  }

  [Symbol.dispose](): void {
    for (const { launcher, launcherStart } of this.#started)
      if (startTicks(launcher) === launcherStart) process.kill(launcher, "SIGKILL"); // takes the VMM along
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function gone(pid: number, start: number): Promise<void> {
  await until(`the end of process ${pid}`, () => (startTicks(pid) === start ? undefined : true));
}
