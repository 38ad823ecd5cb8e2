/**
 * An apt of our own in a directory of its own. Works for any user; apt checks every list and package against the
 * keyring of its source. Nothing is unpacked or installed here.
 */
import { AppError } from "@banger/contract/errors";
import type { Exec } from "@banger/platform/exec/run";
import { type AptDir, prepareAptDir } from "./apt-dir.ts";
import { type ListedPackage, parseListedPackage, parseResolved, type ResolvedPackages } from "./apt-output.ts";
import { type AptRun, runApt } from "./apt-run.ts";
import type { DebianSource } from "./debian-source.ts";
import { readNetworkSettings } from "./host-network.ts";
import type { AptHost } from "./host-sources.ts";
import { missingBytes } from "./package-cache.ts";

export type AptDeps = {
  readonly exec: Exec;
  readonly aptHost: AptHost;
  /** `http_proxy` and its like, from the environment of whoever started us */
  readonly proxyEnv: Readonly<Record<string, string>>;
};
type Waiting = { readonly signal: AbortSignal };
type Fetching = Waiting & { readonly onFraction: (done: number) => void };

const UPDATE_DEADLINE_MS = 15 * 60_000;
const QUERY_DEADLINE_MS = 5 * 60_000;
const DOWNLOAD_DEADLINE_MS = 60 * 60_000;
const STATUS = ["-o", "APT::Status-Fd=2"];

export class PrivateApt {
  readonly dir: AptDir;
  readonly #deps: AptDeps;
  /** whose packages: `Debian bookworm` */
  readonly #of: string;
  #listsFailure: AppError | undefined;

  private constructor(deps: AptDeps, dir: AptDir, of: string) {
    this.#deps = deps;
    this.dir = dir;
    this.#of = of;
  }

  /** Makes `root` unless it is there; lists and packages of an earlier use are used again. One use at a time. */
  static async open(
    deps: AptDeps,
    root: string,
    options: Waiting & { readonly sources: readonly DebianSource[]; readonly of: string },
  ): Promise<PrivateApt> {
    const network = await readNetworkSettings(deps.exec, options);
    const { etcDir } = deps.aptHost;
    const dir = await prepareAptDir(root, { sources: options.sources, network, etcDir });
    return new PrivateApt(deps, dir, options.of);
  }

  /** Returns what kept some lists from being fetched; it counts only once something can not be had without them. */
  async update({ signal }: Waiting): Promise<AppError | undefined> {
    this.#listsFailure = undefined;
    try {
      const what = `the package lists of ${this.#of}`;
      const call = { what, signal, code: "DOWNLOAD_FAILED", deadlineMs: UPDATE_DEADLINE_MS } as const;
      await this.#run(["apt-get", "-q", "update"], call);
    } catch (error) {
      if (!AppError.is(error, "DOWNLOAD_FAILED")) throw error;
      this.#listsFailure = error;
    }
    return this.#listsFailure;
  }

  /** The candidate of a package, or exactly this version of it. */
  async show(name: string, { signal, version }: Waiting & { readonly version?: string }): Promise<ListedPackage> {
    const wanted = version === undefined ? name : `${name}=${version}`;
    const stdout = await this.#query(["apt-cache", "--no-all-versions", "show", wanted], {
      what: `the package ${name}`,
      signal,
      code: "DOWNLOAD_FAILED",
    });
    return parseListedPackage(stdout, name);
  }

  /** What installing `wanted` takes, whatever was downloaded before. */
  async resolve(wanted: readonly string[], { signal }: Waiting): Promise<ResolvedPackages> {
    const noArchives = `Dir::Cache::archives=${this.dir.noArchives}/`;
    const stdout = await this.#query(["apt-get", "-y", "-o", noArchives, "--print-uris", "install", ...wanted], {
      what: `a set of packages of ${this.#of}`,
      signal,
      code: "BUILD_FAILED",
    });
    return parseResolved(stdout);
  }

  /** Leaves `NAME_VERSION_ARCH.deb` in `into`. */
  async download(pkg: ListedPackage, { into, ...options }: Fetching & { readonly into: string }): Promise<void> {
    const argv = ["apt-get", "-q", ...STATUS, "download", `${pkg.name}=${pkg.version}`];
    const what = `the package ${pkg.name} ${pkg.version}`;
    await this.#run(argv, { ...options, what, cwd: into, code: "DOWNLOAD_FAILED", deadlineMs: DOWNLOAD_DEADLINE_MS });
  }

  /** Has all that `resolve` told for `wanted` in the archive directory afterwards. */
  async fetch(
    wanted: readonly string[],
    { resolved, onFraction, signal }: Fetching & { readonly resolved: ResolvedPackages },
  ): Promise<void> {
    const missing = await missingBytes(this.dir, resolved);
    if (missing > 0 && this.#listsFailure) throw this.#listsFailure;
    const total = resolved.downloadBytes;
    const report = (part: number) => onFraction((total - missing + missing * part) / total);
    report(0);
    const argv = ["apt-get", "-q", "-y", ...STATUS, "--download-only", "install", ...wanted];
    await this.#run(argv, {
      what: `packages of ${this.#of}`,
      signal,
      onFraction: report,
      code: "DOWNLOAD_FAILED",
      deadlineMs: DOWNLOAD_DEADLINE_MS,
    });
    report(1);
  }

  /** A question that the lists can not answer fails for the reason why they are not there. */
  async #query(argv: readonly string[], call: Omit<AptRun, "of" | "deadlineMs">): Promise<string> {
    try {
      return await this.#run(argv, { ...call, deadlineMs: QUERY_DEADLINE_MS });
    } catch (error) {
      throw (AppError.is(error, call.code) && this.#listsFailure) || error;
    }
  }

  async #run(argv: readonly string[], call: Omit<AptRun, "of">): Promise<string> {
    return await runApt({ ...this.#deps, dir: this.dir }, argv, { ...call, of: this.#of });
  }
}
