/**
 * Package lists and packages of one suite, kept between builds: a build that was interrupted downloads only the rest.
 *
 * apt checks all signatures and hashes; nothing is unpacked or installed here.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";
import type { Progress } from "../storage/content-store-shared-work.ts";
import { type AptDir, parseTransport } from "./apt-config.ts";
import { explainApt, parseDownloadStatus, parseResolved, type ResolvedPackages } from "./apt-output.ts";

export type AptDeps = {
  readonly exec: Exec;
  /** proxies from the environment, such as `http_proxy` */
  readonly env: Readonly<Record<string, string>>;
};
type Context = { readonly signal: AbortSignal; readonly suite: string };

const LISTS_DEADLINE_MS = 15 * 60_000;
const RESOLVE_DEADLINE_MS = 5 * 60_000;
const DOWNLOAD_DEADLINE_MS = 60 * 60_000;
const HOST_CONFIG_DEADLINE_MS = 60_000;

/** How the host's apt reaches its mirrors. */
export async function readTransport({ exec }: AptDeps, context: Context): Promise<readonly string[]> {
  const { stdout } = await aptRun(["apt-config", "dump", "Acquire"], {
    exec,
    dir: "/etc/apt",
    suite: context.suite,
    options: { signal: context.signal, deadlineMs: HOST_CONFIG_DEADLINE_MS },
  });
  return parseTransport(stdout.toString());
}

export async function updateLists(deps: AptDeps, apt: AptDir, context: Context): Promise<void> {
  await aptGet(deps, apt, { ...context, argv: ["-q", "update"], deadlineMs: LISTS_DEADLINE_MS });
}

/** What installing `wanted` takes, whatever was downloaded before. */
export async function resolvePackages(
  deps: AptDeps,
  apt: AptDir,
  context: Context & { readonly wanted: readonly string[] },
): Promise<ResolvedPackages> {
  const argv = ["-y", "-o", `Dir::Cache::archives=${apt.noArchives}/`, "--print-uris", "install", ...context.wanted];
  const { stdout } = await aptGet(deps, apt, { ...context, argv, deadlineMs: RESOLVE_DEADLINE_MS });
  return parseResolved(stdout.toString());
}

/** Bytes that are still to be downloaded. */
export async function missingBytes(apt: AptDir, resolved: ResolvedPackages): Promise<number> {
  let missing = 0;
  for (const { file, bytes } of resolved.packages) {
    const present = await stat(join(apt.archives, file)).catch(() => undefined); // absent: to be downloaded
    if (present?.size !== bytes) missing += bytes;
  }
  return missing;
}

export async function downloadPackages(
  deps: AptDeps,
  apt: AptDir,
  context: Context & {
    readonly wanted: readonly string[];
    readonly resolved: ResolvedPackages;
    readonly progress: Progress;
  },
): Promise<void> {
  const totalBytes = context.resolved.downloadBytes;
  const presentBytes = totalBytes - (await missingBytes(apt, context.resolved));
  const report = (part: number) => {
    const doneBytes = Math.round(presentBytes + (totalBytes - presentBytes) * part);
    context.progress({ name: "download packages", doneBytes, totalBytes });
  };
  report(0);
  await aptGet(deps, apt, {
    ...context,
    argv: ["-q", "-y", "-o", "APT::Status-Fd=2", "--download-only", "install", ...context.wanted],
    deadlineMs: DOWNLOAD_DEADLINE_MS,
    onStderrLine: (line) => {
      const part = parseDownloadStatus(line);
      if (part !== undefined) report(part);
    },
  });
  report(1);
}

type AptGet = Context & {
  readonly argv: readonly string[];
  readonly deadlineMs: number;
  readonly onStderrLine?: (line: string) => void;
};

async function aptGet({ exec, env }: AptDeps, apt: AptDir, call: AptGet) {
  return await aptRun(["apt-get", ...call.argv], {
    exec,
    dir: apt.root,
    suite: call.suite,
    options: {
      signal: call.signal,
      deadlineMs: call.deadlineMs,
      maxOutputBytes: 16 << 20,
      env: { ...env, APT_CONFIG: apt.config, DEBIAN_FRONTEND: "noninteractive" },
      ...(call.onStderrLine === undefined ? {} : { onStderrLine: call.onStderrLine }),
    },
  });
}

async function aptRun(
  argv: readonly string[],
  run: { exec: Exec; dir: string; suite: string; options: Parameters<Exec["run"]>[1] },
) {
  try {
    return await run.exec.run(argv, run.options);
  } catch (error) {
    throw explainApt(error, run);
  }
}
