/**
 * A whole daemon as it is shipped, on a host in memory: composed by start-daemon.ts, with ports replaced, spoken to over
 * its socket. It can be killed and started again on the same state and the same host.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type DaemonMethods, daemonMethods } from "@banger/contract/daemon/methods";
import type { OperationView } from "@banger/contract/daemon/operation";
import { PROTOCOL } from "@banger/contract/daemon/protocol";
import { FakeExec } from "@banger/platform/exec/exec-fake";
import { createFakeLogger, type LogLine } from "@banger/platform/log-fake";
import { findNative, loadNative, type Native } from "@banger/platform/native";
import { connectClient, type RpcClient } from "@banger/platform/rpc/client";
import { type Clock, systemClock } from "@banger/platform/time/clock";
import { FakeDriver, type OnFakeStep } from "@banger/vmm/fake/driver";
import { FakeHost } from "@banger/vmm/fake/host";
import { type DaemonConfig, type DaemonPaths, daemonPaths } from "../config.ts";
import type { Ports } from "../ports.ts";
import { GuestChannel } from "../services/guest/channel/guest-channel.ts";
import type { VmDeps } from "../services/vm/deps.ts";
import { type RunningDaemon, startDaemon } from "../start-daemon.ts";
import { FakeGuests } from "./guest-fake.ts";
import { type OnStep, stepped } from "./stepped.ts";
import { putImage, putKernel } from "./stores-fake.ts";

export type Client = RpcClient<DaemonMethods>;
/** One daemon process, from its start to its end or death. */
export type Life = { readonly daemon: RunningDaemon; readonly driver: FakeDriver; readonly pid: number };

const build = { version: "0.0.0", commit: "test", builtAt: "2026-01-01T00:00:00.000Z" };
const agent = { build: "0.0.0+sources", commit: "test", builtAt: "2026-01-01T00:00:00Z" };
const hello = { protocol: PROTOCOL, build };

export class DaemonBench implements AsyncDisposable {
  readonly host = new FakeHost();
  readonly guests = new FakeGuests(this.host);
  readonly exec = new FakeExec()
    .program("mke2fs", () => ({}))
    .program("dumpe2fs", () => ({ stdout: "Block count:              1\n  Free blocks: \n" }));
  readonly native = loadAddon();
  readonly log: LogLine[];
  readonly paths: DaemonPaths;
  readonly config: DaemonConfig;
  /** laid over the ports and the machines' parts of the next daemon */
  ports: Partial<Ports> = {};
  machines: Partial<VmDeps> = { bootMs: 5_000, accelerator: () => Promise.resolve("tcg") };
  onStep: OnStep = () => undefined;
  /** of each driver that is made from now on */
  onDriverStep: OnFakeStep = () => undefined;
  stopsAsked = 0;
  readonly #root: string;
  readonly #logger;
  readonly #clients = new Set<Client>();
  readonly #killed: RunningDaemon[] = [];
  /** ends what the dead still wait for, so that the process can end, too */
  readonly #over = new AbortController();
  /** steps that were passed, in order */
  readonly steps: string[] = [];
  life: Life | undefined;

  private constructor(root: string) {
    this.#root = root;
    const at = (name: string) => join(root, name);
    this.config = { state: at("s"), runtime: at("r"), cache: at("c"), installation: at("i"), httpPort: 0 };
    this.paths = daemonPaths(this.config);
    const { logger, lines } = createFakeLogger();
    this.#logger = logger;
    this.log = lines;
  }

  /** With an image `minimal` and a kernel `debian`; no daemon runs yet. */
  static async make(): Promise<DaemonBench> {
    const bench = new DaemonBench(await mkdtemp(join(tmpdir(), "banger-daemon-")));
    await mkdir(dirname(bench.paths.agent), { recursive: true });
    await writeFile(bench.paths.agent, "an agent");
    await mkdir(bench.config.state, { mode: 0o700 });
    await mkdir(bench.paths.recipes);
    await putImage(bench.paths);
    await putKernel(bench.paths);
    return bench;
  }

  async start(): Promise<Client> {
    const driver = new FakeDriver(this.host);
    driver.onStep = this.onDriverStep;
    const { pid } = this.host.processes.start(["bangerd"]);
    this.life = undefined;
    const daemon = await startDaemon({
      config: this.config,
      ports: this.#makePorts(driver, pid),
      build,
      agent,
      requestStop: () => {
        this.stopsAsked += 1;
      },
      wrapMachines: (deps) =>
        stepped({ ...deps, ...this.machines }, async (step) => {
          this.steps.push(step);
          await this.onStep(step);
        }),
    });
    this.life = { daemon, driver, pid };
    return await this.connect();
  }

  async connect(): Promise<Client> {
    const client = await connectClient<DaemonMethods>(this.paths.socket, { table: daemonMethods, hello });
    this.#clients.add(client);
    return client;
  }

  /** An orderly end. */
  async stop(): Promise<void> {
    await this.life?.daemon[Symbol.asyncDispose]();
    if (this.life) this.host.processes.exit(this.life.pid);
    this.life = undefined;
  }

  /** As SIGKILL: its files stay as they are, its lock and its connections are gone, and it does nothing any more. */
  async kill(): Promise<void> {
    const { life } = this;
    if (!life) return;
    life.driver.sever();
    life.daemon.leave();
    this.host.processes.exit(life.pid);
    this.#killed.push(life.daemon);
    this.life = undefined;
    await rename(this.paths.lock, `${this.paths.lock}.of-the-dead`);
    await rename(this.paths.socket, `${this.paths.socket}.dead`);
    for (const client of this.#clients) client.close();
  }

  /** Follows an operation to its end. */
  async ended(client: Client, { operation }: { operation: OperationView["id"] }): Promise<OperationView> {
    return await client.call("operation.wait", { operation });
  }

  /** A running machine's id. */
  async create(client: Client, name: string, more: { ephemeral?: boolean; environment?: string[] } = {}) {
    const began = await client.call("vm.create", { name, image: "minimal", ...more });
    const end = await this.ended(client, began);
    if (end.state !== "done")
      throw new Error(`create: ${JSON.stringify(end.error)}, ${JSON.stringify(this.log.at(-1))}`);
    return (await client.call("vm.show", { ref: name })).id;
  }

  /** All that a machine could have left on the host. */
  async leftovers(): Promise<{ machines: string[]; quarantine: string[]; proofs: string[]; processes: number }> {
    const names = async (directory: string) => await readdir(directory).catch(() => []); // not made yet
    return {
      machines: await names(this.paths.machines),
      quarantine: await names(this.paths.quarantine),
      proofs: await names(this.paths.proofs),
      processes: this.host.processes.alive.length - (this.life ? 1 : 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    for (const machine of this.host.running) this.host.end(machine, { status: 0, signal: null });
    await this.stop();
    // A dead daemon only lets go of its socket; what it was doing never goes on.
    for (const dead of this.#killed) void dead[Symbol.asyncDispose]();
    this.#over.abort(new Error("the bench is taken down"));
    await rm(this.#root, { recursive: true, force: true });
    const undeclared = this.log.filter(({ event }) => event === "undeclared error code");
    // An answer that the contract does not know of fails whatever test has seen it.
    assert.deepEqual(
      undeclared.map(({ fields }) => fields),
      [],
    );
  }

  #clock(): Clock {
    const sleep: Clock["sleep"] = (ms, { signal }) =>
      systemClock.sleep(ms, { signal: AbortSignal.any([...(signal ? [signal] : []), this.#over.signal]) });
    return { now: () => systemClock.now(), monotonic: () => systemClock.monotonic(), sleep };
  }

  #makePorts(driver: FakeDriver, pid: number): Ports {
    const { processes } = this.host;
    return {
      ...{ exec: this.exec, processes, driver, log: this.#logger, clock: this.#clock(), randomBytes },
      native: this.native,
      uid: process.getuid?.() ?? 0,
      pid,
      residentBytes: () => 1,
      host: { cpus: 4, memoryMib: 8192 },
      availableMib: () => Promise.resolve(4096),
      programPath: "",
      proxyEnv: {},
      builder: { uid: 1000, userName: "tester" },
      peerUid: () => Promise.resolve(process.getuid?.() ?? 0),
      portOwner: () => Promise.resolve(undefined),
      openGuest: (vmm) =>
        GuestChannel.open({
          connect: (waiting) => vmm.connectAgent(waiting),
          session: randomBytes(16),
          build: "0.0.0+test",
          alive: () => processes.isAlive(vmm.handles.launcher),
        }),
      ...this.ports,
    };
  }
}

function loadAddon(): Native {
  const path = findNative(fileURLToPath(import.meta.url));
  if (path === undefined) throw new Error("the native addon is not built: run `npm test` once");
  return loadNative(path);
}
