/**
 * Starting a VMM under the launcher, and learning how it ended. Shared by every driver that runs a real program.
 *
 * The launcher is the VMM's parent for life: it holds the machine's lock, keeps the console and writes the exit status,
 * because nobody can wait for a process that is not its child.
 */
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { LauncherExit, LauncherReport } from "@banger/contract/launcher";
import type { Exec } from "@banger/platform/exec/run";
import type { Processes } from "@banger/platform/process/processes";
import type { VmmExit, VmmHandles, VmmSpec } from "./driver.ts";

export type LauncherDeps = {
  readonly exec: Exec;
  readonly processes: Processes;
  /** the static C program */
  readonly launcher: string;
};

/** How long a launcher may take to report; it does no slow work. */
const REPORT_MS = 10_000;
const DESCRIPTORS = 2048;
const ENOENT = 2;

export async function launch(
  deps: LauncherDeps,
  spec: VmmSpec,
  options: {
    driver: VmmHandles["driver"];
    argv: readonly string[];
    /** names of listening sockets in the machine's directory; the VMM gets them as descriptors 4, 5, … */
    listen: readonly string[];
    signal: AbortSignal;
  },
): Promise<VmmHandles> {
  await rm(exitFile(spec.directory), { force: true });
  const argv = [
    deps.launcher,
    ...["--dir", spec.directory, "--nonce", spec.nonce, "--isolate", "auto", "--rlimit-nofile", String(DESCRIPTORS)],
    ...["--rlimit-core", "0", ...options.listen.flatMap((name) => ["--listen", name]), "--", ...options.argv],
  ];
  const ran = await deps.exec.run(argv, { signal: options.signal, deadlineMs: REPORT_MS, check: false });
  const report = parseReport(ran.stdout.toString("utf8"));
  if (report === undefined || "error" in report) {
    if (report?.errno === ENOENT && report.error.startsWith("cannot execute")) throw missing(options.argv[0] ?? "");
    const why = report?.error ?? "the launcher said nothing";
    throw new AppError("VMM_START_FAILED", `${options.argv[0] ?? "the VMM"} did not start: ${why}`, {
      facts: { errno: report?.errno ?? 0, status: ran.exitCode ?? -1 },
    });
  }
  const bootId = deps.processes.bootId();
  return {
    driver: options.driver,
    nonce: spec.nonce,
    launcher: { pid: report.launcher, startTime: report.launcherStart, bootId },
    vmm: { pid: report.vmm, startTime: report.vmmStart, bootId },
    isolation: { namespaces: report.isolation, reason: report.reason },
  };
}

function missing(program: string): AppError {
  return new AppError("PREREQUISITE_MISSING", `${program} is not installed`, { facts: { program } });
}

/** Ends a launcher that was started but never recorded; its VMM dies with it, and is waited for. */
export async function endByNonce(deps: LauncherDeps, nonce: string, options: { signal: AbortSignal }): Promise<void> {
  for (const identity of deps.processes.findByNonce(nonce)) {
    const family = [identity, ...deps.processes.descendants(identity)];
    deps.processes.signal(identity, "SIGKILL");
    for (const each of family) await deps.processes.waitForExit(each, options);
  }
}

/** Resolves with the exit status when the launcher is gone; it is the last to leave. */
export async function launcherExit(
  deps: LauncherDeps,
  machine: { directory: string; handles: VmmHandles },
): Promise<VmmExit> {
  await deps.processes.waitForExit(machine.handles.launcher, {});
  return await readExit(machine.directory);
}

/** The launcher itself can be killed; then the kernel has killed the VMM, and there is no file. */
async function readExit(directory: string): Promise<VmmExit> {
  try {
    return LauncherExit.parse(JSON.parse(await readFile(exitFile(directory), "utf8")));
  } catch {
    return { status: null, signal: "SIGKILL" }; // missing or cut short: only a killed launcher leaves it so
  }
}

function parseReport(text: string): LauncherReport | undefined {
  try {
    return LauncherReport.parse(JSON.parse(text));
  } catch {
    return undefined; // no line, or not a report: the caller says so
  }
}

function exitFile(directory: string): string {
  return join(directory, "exit.json");
}
