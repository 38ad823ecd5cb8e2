/**
 * The shipped product with directories and a daemon of its own, so that a bench never meets the user's machines.
 * Images and kernels stay between runs; machines do not.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DaemonStatus } from "@banger/contract/daemon/system";
import { VmView } from "@banger/contract/daemon/vm";
import { version } from "@banger/contract/version";
import type { Exec, ExecOptions, ExecResult } from "@banger/platform/exec/run";
import { type BangerClient, connectDaemon } from "@banger/sdk/client";
import { type DaemonPlaces, daemonPlaces } from "@banger/sdk/daemon/places";

export type ProductParts = {
  /** the checkout */
  readonly root: string;
  readonly exec: Exec;
  readonly home: string;
  readonly signal: AbortSignal | undefined;
};
export type TimeOptions = Pick<ExecOptions, "input" | "deadlineMs" | "check"> & {
  /** nothing of standard output is kept */
  readonly dropOutput?: boolean;
};
export type Timed = ExecResult & { readonly ms: number };

const BUILD_MS = 20 * 60_000;
const COMMAND_MS = 300_000;

export class Product implements AsyncDisposable {
  readonly root: string;
  readonly places: DaemonPlaces;
  readonly env: Readonly<Record<string, string>>;
  readonly #exec: Exec;
  #signal: AbortSignal | undefined;
  readonly #runtime: string;
  /** the command line, for a pipeline */
  readonly cliArgv: readonly string[];

  private constructor(parts: ProductParts & { runtime: string; env: Readonly<Record<string, string>> }) {
    this.root = parts.root;
    this.env = parts.env;
    this.#exec = parts.exec;
    this.#signal = parts.signal;
    this.#runtime = parts.runtime;
    this.cliArgv = [process.execPath, join(parts.root, "build/cli/start.cjs")];
    this.places = daemonPlaces(parts.env, { uid: process.getuid?.() ?? 0 });
  }

  static async open(parts: ProductParts): Promise<Product> {
    const kept = join(parts.root, "build/bench");
    const directories = { XDG_DATA_HOME: join(kept, "data"), XDG_CACHE_HOME: join(kept, "cache") };
    for (const path of [kept, ...Object.values(directories)]) await mkdir(path, { recursive: true, mode: 0o700 });
    const runtime = await mkdtemp(join(tmpdir(), "banger-bench-"));
    const env = { ...directories, XDG_RUNTIME_DIR: runtime, HOME: parts.home };
    const product = new Product({ ...parts, runtime, env });
    await product.clear();
    return product;
  }

  /** A program of this checkout or of the host, in the product's environment; its time from spawn to end. */
  async time(argv: readonly string[], options: TimeOptions = {}): Promise<Timed> {
    const { check = true, dropOutput = false, ...rest } = options;
    const start = performance.now();
    const result = await this.#exec.run(argv, {
      ...(this.#signal && { signal: this.#signal }),
      deadlineMs: COMMAND_MS,
      ...rest,
      ...(dropOutput && { onStdoutChunk: () => undefined }),
      check: false,
      env: this.env,
    });
    const ms = performance.now() - start;
    if (check && result.exitCode !== 0) throw failureOf(result);
    return { ...result, ms };
  }

  async cli(args: readonly string[], options: TimeOptions = {}): Promise<Timed> {
    return await this.time([...this.cliArgv, ...args], options);
  }

  /** Builds and pulls what is missing, before any clock runs. */
  async prepare(image: string): Promise<void> {
    const missing = async (what: "image" | "kernel", name: string) =>
      (await this.cli([what, "show", name], { check: false })).exitCode !== 0;
    if (await missing("image", image)) await this.cli(["image", "build", image, "--quiet"], { deadlineMs: BUILD_MS });
    if (await missing("kernel", "debian")) await this.cli(["kernel", "pull", "--quiet"], { deadlineMs: BUILD_MS });
  }

  async create(options: { image: string; memory?: string }): Promise<VmView> {
    const memory = options.memory === undefined ? [] : ["--memory", options.memory];
    const { stdout } = await this.cli(["create", "--start", "--quiet", "--json", "--image", options.image, ...memory]);
    return VmView.parse(JSON.parse(stdout.toString("utf8")));
  }

  async delete(ref: string): Promise<void> {
    await this.cli(["delete", ref]);
  }

  async status(): Promise<DaemonStatus> {
    const { stdout } = await this.cli(["daemon", "status", "--json"]);
    return DaemonStatus.parse(JSON.parse(stdout.toString("utf8")));
  }

  async connect(): Promise<BangerClient> {
    const build = { version, commit: "bench", builtAt: "bench" };
    return await connectDaemon({ socket: this.places.socket, build });
  }

  machineDirectory(id: string): string {
    return join(this.places.state, "machines", id);
  }

  /** Ends the daemon and every machine, after an interruption too. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal = undefined;
    await this.clear();
    await this.cli(["daemon", "stop"]);
    await rm(this.#runtime, { recursive: true, force: true });
  }

  /** Machines of a bench that failed or was interrupted go. */
  async clear(): Promise<void> {
    const { stdout } = await this.cli(["list", "--quiet"]);
    for (const id of stdout.toString("utf8").split("\n").filter(Boolean)) await this.delete(id);
  }
}

/** All that was said: of the product's errors the first line tells more than the last one, its hint. */
function failureOf({ argv, exitCode, signal, stderr }: ExecResult): Error {
  const how = signal ?? `status ${exitCode}`;
  return new Error(`${argv.slice(1, 6).join(" ")} ended with ${how}: ${stderr.trim().replaceAll("\n", " | ")}`);
}
