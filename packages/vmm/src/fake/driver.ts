/** A driver whose machines run on a FakeHost: everything behaves, nothing is emulated, and any step can be held or fail. */
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { Rollback } from "@banger/platform/rollback";
import { raceAbort } from "@banger/platform/time/deadline";
import type { Capabilities, Hold, Probe, VmmDriver, VmmExit, VmmHandles, VmmProcess, VmmSpec } from "../driver.ts";
import type { FakeHost, FakeMachine } from "./host.ts";

export type FakeStep =
  | "probe"
  | "launch"
  | "monitor"
  | "connect"
  | "kill"
  | "pause"
  | "resume"
  | "resize"
  | "adopt"
  | "sweep";
/** Called before each step: what it throws fails the step, what it awaits holds it. */
export type OnFakeStep = (step: FakeStep, machine?: FakeMachine) => void | Promise<void>;

const SOCKET = "agent.sock";
const UNDO_MS = 1_000;

export class FakeDriver implements VmmDriver {
  readonly name = "fake";
  readonly capabilities: Capabilities = {
    agentTransport: "virtio-serial",
    kernelFile: "vmlinuz",
    rootFormats: new Set(["raw", "qcow2"]),
    userNetwork: true,
    pause: true,
    poweroffEnds: true,
  };
  onStep: OnFakeStep = () => undefined;
  version: string | null = "1.0";
  readonly #host: FakeHost;
  readonly #pipes = new Set<Duplex>();
  #severed = false;

  constructor(host: FakeHost) {
    this.#host = host;
  }

  /** As when the process that used it was killed: its pipes are cut, and nothing it waits for ever comes. */
  sever(): void {
    this.#severed = true;
    for (const pipe of this.#pipes) pipe.destroy();
  }

  get severed(): boolean {
    return this.#severed;
  }

  async probe({ signal }: { signal: AbortSignal }): Promise<Probe> {
    await this.reach("probe", { signal });
    return { version: this.version, detail: `fake ${this.version ?? "is not installed"}` };
  }

  async start(spec: VmmSpec, { signal }: { signal: AbortSignal }): Promise<VmmProcess> {
    await using rollback = new Rollback({ budgetMs: UNDO_MS });
    rollback.guard("sockets", () => this.sweep(spec.directory));
    rollback.guard("machine", async () => this.#endNonce(spec.nonce));
    await this.reach("launch", { signal });
    const machine = this.#host.spawn(spec);
    await writeFile(join(spec.directory, SOCKET), "");
    if (this.#host.diesEarly) this.#host.end(machine, this.#host.diesEarly);
    await this.reach("monitor", { signal, machine });
    if (machine.exit) {
      const how = machine.exit.signal ?? `status ${machine.exit.status}`;
      throw new AppError("VMM_START_FAILED", `the fake VMM ended with ${how} as it started`);
    }
    rollback.commit();
    return new FakeProcess(this, { host: this.#host, machine });
  }

  async adopt({ handles }: { directory: string; handles: VmmHandles }): Promise<VmmProcess | undefined> {
    await this.reach("adopt");
    const machine = this.#host.machines.get(handles.launcher.pid);
    const same = machine && this.#host.processes.isAlive(handles.launcher);
    return same ? new FakeProcess(this, { host: this.#host, machine }) : undefined;
  }

  async endUnrecorded(nonce: string, { signal }: { signal: AbortSignal }): Promise<void> {
    await this.reach("kill", { signal });
    this.#endNonce(nonce);
  }

  async sweep(directory: string): Promise<void> {
    await this.reach("sweep");
    await rm(join(directory, SOCKET), { force: true });
  }

  /** Passes one step, or never when this driver was severed. */
  async reach(step: FakeStep, at: { signal?: AbortSignal; machine?: FakeMachine } = {}): Promise<void> {
    await this.heard(undefined);
    at.signal?.throwIfAborted();
    const passed = Promise.resolve(this.onStep(step, at.machine));
    await (at.signal ? raceAbort(passed, at.signal) : passed);
    at.signal?.throwIfAborted();
  }

  /** News from the host; it reaches nobody when this driver was severed. */
  async heard<T>(news: T): Promise<T> {
    return this.#severed ? await new Promise<never>(() => undefined) : news;
  }

  /** A pipe lives no longer than the process that holds it. */
  keep(pipe: Duplex): Duplex {
    this.#pipes.add(pipe);
    pipe.once("close", () => this.#pipes.delete(pipe));
    return pipe;
  }

  #endNonce(nonce: string): void {
    for (const machine of this.#host.running) {
      if (machine.spec.nonce === nonce) this.#host.end(machine, { status: null, signal: "SIGKILL" });
    }
  }
}

class FakeProcess implements VmmProcess {
  readonly handles: VmmHandles;
  readonly exited: Promise<VmmExit>;
  readonly #driver: FakeDriver;
  readonly #host: FakeHost;
  readonly #machine: FakeMachine;

  constructor(driver: FakeDriver, { host, machine }: { host: FakeHost; machine: FakeMachine }) {
    this.#driver = driver;
    this.#host = host;
    this.#machine = machine;
    this.handles = machine.handles;
    this.exited = host.exited(machine).then((exit) => driver.heard(exit));
  }

  async connectAgent({ signal }: { signal: AbortSignal }): Promise<Duplex> {
    if (this.#driver.severed) throw new AppError("CANCELLED", "the process that connects is dead");
    await this.#driver.reach("connect", { signal, machine: this.#machine });
    if (this.#machine.exit) throw new AppError("VMM_DIED", "the fake VMM has ended");
    return this.#driver.keep(this.#host.plug(this.#machine));
  }

  async pause({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.#ask("pause", signal);
    this.#host.hold(this.#machine, "paused");
  }

  async resume({ signal }: { signal: AbortSignal }): Promise<void> {
    await this.#ask("resume", signal);
    this.#host.hold(this.#machine, "none");
  }

  async hold({ signal }: { signal: AbortSignal }): Promise<Hold> {
    await this.#ask("monitor", signal);
    return this.#machine.held;
  }

  async resizeDisk(
    { index, sizeBytes }: { index: number; sizeBytes: number },
    { signal }: { signal: AbortSignal },
  ): Promise<void> {
    await this.#ask("resize", signal);
    this.#machine.diskBytes.set(index, sizeBytes);
  }

  async kill({ signal }: { signal: AbortSignal }): Promise<VmmExit> {
    await this.#driver.reach("kill", { signal, machine: this.#machine });
    this.#host.end(this.#machine, { status: null, signal: "SIGKILL" });
    return await raceAbort(this.exited, signal);
  }

  /** Nothing is held between calls. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.resolve();
  }

  async #ask(step: "monitor" | "pause" | "resume" | "resize", signal: AbortSignal): Promise<void> {
    await this.#driver.reach(step, { signal, machine: this.#machine });
    if (this.#machine.exit) throw new AppError("VMM_DIED", "the fake VMM has ended");
    if (this.#machine.frozen) throw new AppError("VMM_SILENT", "the fake VMM does not answer");
  }
}
