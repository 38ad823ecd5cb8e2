/**
 * An apt of our own: the host's Debian sources and keyring, and nothing else of its configuration; all state and cache
 * beneath one directory. Works for any user, runs no hook of the host, trusts no unsigned list.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import type { Exec, ExecResult } from "@banger/platform/exec/run";
import { type AptHost, findKeyring, readDebianSources, readNetworkSettings } from "./apt-host.ts";
import { downloadFailure, downloadFraction } from "./apt-output.ts";
import { renderSources } from "./apt-sources.ts";

export type AptDeps = {
  readonly exec: Exec;
  readonly host: AptHost;
  /** `http_proxy` and its like, from the environment of whoever started us */
  readonly proxyEnv: Readonly<Record<string, string>>;
};
export type AptPackage = {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** of the .deb, `bytes` */
  readonly bytes: number;
  readonly sha256: string;
  readonly depends: readonly string[];
};

const UPDATE_DEADLINE_MS = 10 * 60_000;
const DOWNLOAD_DEADLINE_MS = 30 * 60_000;
const QUERY_DEADLINE_MS = 5 * 60_000;

export class PrivateApt {
  readonly #exec: Exec;
  readonly #env: Readonly<Record<string, string>>;
  #updateErrors = "";

  private constructor(exec: Exec, env: Readonly<Record<string, string>>) {
    this.#exec = exec;
    this.#env = env;
  }

  /** `dir` exists, is empty and is removed by the caller. */
  static async open(deps: AptDeps, dir: string, { signal }: { signal: AbortSignal }): Promise<PrivateApt> {
    const sources = await readDebianSources(deps.host);
    const nameNone = sources.some(({ signedBy }) => signedBy === undefined);
    const defaultKeyring = nameNone ? await findKeyring(deps.host) : "";
    const network = await explainMissing(() => readNetworkSettings(deps.exec, { signal }));
    for (const name of ["etc/apt/sources.list.d", "state/lists/partial", "cache/archives/partial", "tmp", "none"]) {
      await mkdir(join(dir, name), { recursive: true });
    }
    await writeFile(join(dir, "state/status"), "");
    await writeFile(join(dir, "etc/apt/sources.list.d/debian.sources"), renderSources(sources, { defaultKeyring }));
    const config = join(dir, "apt.conf");
    await writeFile(config, [...configLines(dir), ...network, ""].join("\n"));
    return new PrivateApt(deps.exec, { ...deps.proxyEnv, APT_CONFIG: config, TMPDIR: join(dir, "tmp") });
  }

  /** Fetches the lists. A source that fails is forgiven while the others have what is wanted. */
  async update({ signal, onFraction }: { signal: AbortSignal; onFraction: (done: number) => void }): Promise<void> {
    const result = await this.#run(["apt-get", "-q", "-o", "APT::Status-Fd=2", "update"], {
      signal,
      deadlineMs: UPDATE_DEADLINE_MS,
      onFraction,
    });
    this.#updateErrors = result.stderr;
  }

  /** The candidate of a package, or of exactly this version of it. */
  async show(name: string, { signal, version }: { signal: AbortSignal; version?: string }): Promise<AptPackage> {
    const wanted = version === undefined ? name : `${name}=${version}`;
    const result = await this.#run(["apt-cache", "--no-all-versions", "show", wanted], {
      signal,
      deadlineMs: QUERY_DEADLINE_MS,
    });
    if (result.exitCode !== 0) throw downloadFailure(`the package ${name}`, this.#updateErrors || result.stderr);
    return parsePackage(result.stdout.toString(), name);
  }

  /** Leaves `NAME_VERSION_ARCH.deb`, checked against the signed lists, in `dir`. */
  async download(
    pkg: AptPackage,
    options: { dir: string; signal: AbortSignal; onFraction: (done: number) => void },
  ): Promise<void> {
    const { dir, signal, onFraction } = options;
    const argv = ["apt-get", "-q", "-o", "APT::Status-Fd=2", "download", `${pkg.name}=${pkg.version}`];
    const result = await this.#run(argv, { signal, deadlineMs: DOWNLOAD_DEADLINE_MS, onFraction, cwd: dir });
    if (result.exitCode !== 0) throw downloadFailure(`the package ${pkg.name} ${pkg.version}`, result.stderr);
  }

  async #run(
    argv: readonly string[],
    options: { signal: AbortSignal; deadlineMs: number; onFraction?: (done: number) => void; cwd?: string },
  ): Promise<ExecResult> {
    const { onFraction, ...rest } = options;
    return await explainMissing(() =>
      this.#exec.run(argv, {
        ...rest,
        env: this.#env,
        check: false,
        onStderrLine: (line) => {
          const fraction = downloadFraction(line);
          if (fraction !== undefined) onFraction?.(fraction);
        },
      }),
    );
  }
}

function configLines(dir: string): readonly string[] {
  const settings: ReadonlyArray<readonly [string, string]> = [
    ["Dir", dir],
    ["Dir::State", join(dir, "state")],
    ["Dir::State::status", join(dir, "state/status")],
    ["Dir::Cache", join(dir, "cache")],
    ["Dir::Etc", join(dir, "etc/apt")],
    ["Dir::Etc::Main", join(dir, "none/apt.conf")],
    ["Dir::Etc::Parts", join(dir, "none")],
    ["Dir::Etc::Trusted", join(dir, "none/trusted.gpg")],
    ["Dir::Etc::TrustedParts", join(dir, "none")],
    ["Dir::Log", dir],
    ["Dir::Bin::methods", "/usr/lib/apt/methods"],
    ["Dir::Bin::solvers", join(dir, "none")],
    ["Dir::Bin::planners", join(dir, "none")],
    // The directory is private to whoever runs this, so apt's own user could not write to it.
    ["APT::Sandbox::User", "root"],
    ["APT::Architecture", "amd64"],
    ["APT::Get::AllowUnauthenticated", "false"],
    ["Acquire::AllowInsecureRepositories", "false"],
    ["Acquire::AllowWeakRepositories", "false"],
    ["Acquire::AllowDowngradeToInsecureRepositories", "false"],
    ["Acquire::Languages", "none"],
    ["Acquire::GzipIndexes", "true"],
    ["Acquire::PDiffs", "false"],
    ["Acquire::Retries", "2"],
  ];
  return [...settings.map(([key, value]) => `${key} "${value}";`), 'APT::Architectures { "amd64"; };'];
}

function parsePackage(text: string, name: string): AptPackage {
  const field = (key: string) => new RegExp(`^${key}: (.*)$`, "m").exec(text)?.[1]?.trim();
  const [version, sha256, size] = [field("Version"), field("SHA256"), Number(field("Size"))];
  if (
    field("Package") !== name ||
    !version ||
    !sha256 ||
    !/^[0-9a-f]{64}$/.test(sha256) ||
    !Number.isSafeInteger(size)
  ) {
    throw new AppError("DOWNLOAD_FAILED", `apt does not tell version, size and checksum of the package ${name}`);
  }
  const depends = (field("Depends") ?? "").split(",").map((text) => text.trim());
  return { name, version, sha256, depends, bytes: size, architecture: field("Architecture") ?? "amd64" };
}

async function explainMissing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!AppError.is(error, "PREREQUISITE_MISSING")) throw error;
    throw new AppError("PREREQUISITE_MISSING", `${error.facts.program ?? "apt"} is not installed`, {
      facts: error.facts,
      hint: "Debian's kernels are fetched by apt, on a Debian host.",
      cause: error,
    });
  }
}
