/**
 * A daemon that behaves, without a machine anywhere: the real socket, handshake and method table over machines in memory, and
 * a few commands that are built in. For tests of what talks to a daemon.
 */
import { EventEmitter, once } from "node:events";
import type { ImageView } from "@banger/contract/daemon/image";
import type { KernelView } from "@banger/contract/daemon/kernel";
import { type DaemonMethods, daemonMethods } from "@banger/contract/daemon/methods";
import { PROTOCOL } from "@banger/contract/daemon/protocol";
import type { RefKind, ResolvedRef } from "@banger/contract/daemon/ref";
import type { Build, DoctorRow } from "@banger/contract/daemon/system";
import type { VmView } from "@banger/contract/daemon/vm";
import type { WaitResult } from "@banger/contract/daemon/wait";
import { AppError } from "@banger/contract/errors";
import type { Handlers } from "@banger/platform/rpc/methods";
import { type RpcServer, startServer } from "@banger/platform/rpc/server";
import { execHandlers } from "./exec-fake.ts";
import { FilesFake } from "./files-fake.ts";
import { lifeHandlers, pruneHandlers } from "./life-fake.ts";
import { OperationsFake } from "./operations-fake.ts";
import { PortsFake } from "./ports-fake.ts";
import { NOW, sampleImage, sampleKernel, sampleMachine, sampleStats } from "./sample-views.ts";

export type FakeOptions = {
  readonly socket: string;
  readonly build: Build;
  readonly protocol?: number;
  readonly state?: string;
};
type Area<Prefix extends string> = Pick<Handlers<DaemonMethods>, Extract<keyof DaemonMethods, `${Prefix}.${string}`>>;

const PID = 4242;
const CLOSE_MS = 1_000;

export class DaemonFake implements AsyncDisposable {
  readonly machines = new Map<string, VmView>();
  /** writes, with what they were asked */
  readonly calls: { readonly method: string; readonly params: unknown }[] = [];
  /** what creates wait for; a test replaces it to look at the time before ready */
  createGate: Promise<void> = Promise.resolve();
  /** what commands wait for before they start */
  execGate: Promise<void> = Promise.resolve();
  /** what undoing a create waits for */
  undoGate: Promise<void> = Promise.resolve();
  /** what creates fail with */
  createFailure: AppError | undefined;
  /** what every machine has on its console */
  console: Buffer = Buffer.from("Linux version 6.1\r\n\x1b[31mred\x1b[0m\r\n");
  readonly images: ImageView[] = [sampleImage];
  readonly kernels: KernelView[] = [sampleKernel];
  /** of machines that were taken so far */
  samples = 0;
  /** how what was left running in each machine has ended, if anything was */
  commandEnd: WaitResult["end"] = null;
  /** what is attached to */
  background: { readonly argv: string[]; readonly tty: boolean } = { argv: ["echo", "background"], tty: false };
  doctorRows: DoctorRow[] = [{ check: "qemu", status: "ok", detail: "QEMU 7.2" }];
  readonly operations = new OperationsFake();
  readonly ports = new PortsFake();
  readonly files = new FilesFake();
  /** failures that no client caused */
  readonly internal: unknown[] = [];
  readonly #deletions = new EventEmitter();
  readonly #created = Promise.withResolvers<void>();
  readonly #asked = Promise.withResolvers<void>();
  readonly #stopped = Promise.withResolvers<void>();
  readonly #options: FakeOptions;
  #server: RpcServer | undefined;

  private constructor(options: FakeOptions) {
    this.#options = options;
  }

  static async start(options: FakeOptions): Promise<DaemonFake> {
    const fake = new DaemonFake(options);
    const uid = process.getuid?.() ?? 0;
    fake.#server = await startServer<DaemonMethods>({
      path: options.socket,
      table: daemonMethods,
      handlers: {
        ...fake.#vm(),
        ...pruneHandlers(fake),
        ...fake.#exec(),
        ...fake.ports.handlers((ref) => fake.#find(ref)),
        ...fake.files.handlers((ref) => fake.#running(ref)),
        ...fake.#content(),
        "ref.resolve": ({ kind, refs }) => ({ results: refs.map((ref) => fake.#resolve(kind, ref)) }),
        ...fake.#operation(),
        ...fake.#system(),
      },
      hello: {
        ...{ protocol: options.protocol ?? PROTOCOL, build: options.build },
        ...(options.state !== undefined && { state: options.state }),
      },
      peerOf: () => ({ pid: 0, uid, gid: 0 }),
      authorize: () => undefined,
      onInternalError: (error) => void fake.internal.push(error),
    });
    return fake;
  }

  /** resolves when the first create has begun */
  get created(): Promise<void> {
    return this.#created.promise;
  }

  /** resolves when the first command was asked for */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  /** resolves when a client had it stopped */
  get stopped(): Promise<void> {
    return this.#stopped.promise;
  }

  addMachine(name: string, change: Partial<VmView> = {}): VmView {
    const machine = { ...sampleMachine(name), ...change };
    this.machines.set(machine.id, machine);
    return machine;
  }

  callsOf(method: string): unknown[] {
    return this.calls.filter((call) => call.method === method).map(({ params }) => params);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.destroy();
    await this.files[Symbol.asyncDispose]();
  }

  #find(ref: string): VmView {
    const found = [...this.machines.values()].find(({ id, name }) => id === ref || name === ref);
    if (found) return found;
    throw new AppError("VM_NOT_FOUND", `there is no machine ${JSON.stringify(ref)}`, { facts: { ref } });
  }

  async #deletionOf(id: string): Promise<void> {
    if (this.machines.has(id)) await once(this.#deletions, id);
  }

  #resolve(kind: RefKind, ref: string): ResolvedRef {
    try {
      if (kind === "machine") return { ref, id: this.#find(ref).id };
      if (kind === "image") return { ref, id: one(this.images, ref, "IMAGE_NOT_FOUND").id };
      return { ref, id: one(this.kernels, ref, "KERNEL_NOT_FOUND").id };
    } catch (error) {
      if (!AppError.is(error)) throw error;
      const { code, message, hint } = error;
      return { ref, error: { code, message, hint, facts: { ref } } };
    }
  }

  async #create(params: { name?: string | undefined; start: boolean }, signal: AbortSignal): Promise<VmView> {
    const cancelled = Promise.withResolvers<never>();
    cancelled.promise.catch(() => undefined);
    signal.addEventListener("abort", () => cancelled.reject(signal.reason));
    const machine = this.addMachine(params.name ?? "calm-otter", { state: params.start ? "running" : "stopped" });
    this.#created.resolve();
    try {
      if (this.createFailure) throw this.createFailure;
      await Promise.race([this.createGate, cancelled.promise]);
      return machine;
    } catch (error) {
      await this.undoGate;
      this.machines.delete(machine.id);
      throw error;
    }
  }

  #vm(): Area<"vm"> {
    const { operations } = this;
    return {
      "vm.create": (params, { connection }) => {
        this.calls.push({ method: "vm.create", params });
        const taken = [...this.machines.values()].find(({ name }) => name === params.name);
        if (taken) throw new AppError("NAME_TAKEN", `the name ${taken.name} is taken`);
        const begun = operations.begin("vm.create", params.name ?? "", (signal) => this.#create(params, signal));
        connection.addEventListener("abort", () => operations.cancel(begun.operation));
        return begun;
      },
      ...lifeHandlers({
        ...{ machines: this.machines, operations, find: (ref) => this.#find(ref) },
        called: (method, params) => void this.calls.push({ method, params }),
        deleted: (id) => void this.#deletions.emit(id),
        commandEnd: () => this.commandEnd,
      }),
      "vm.list": () => ({ machines: [...this.machines.values()] }),
      "vm.show": ({ ref }) => this.#find(ref),
      "vm.stats": ({ ref }) => sampleStats(this.#running(ref), this.samples++),
      "vm.logs": (params, { upgrade }) => {
        const { id } = this.#find(params.ref);
        this.calls.push({ method: "vm.logs", params });
        upgrade(async (mux) => {
          mux.stream(0).write(this.console);
          if (params.follow) await Promise.race([this.#deletionOf(id), mux.closed.catch(() => undefined)]);
          mux.stream(0).end();
          mux.stream(1).end(`${JSON.stringify({ end: this.machines.has(id) ? "all" : "deleted" })}\n`);
        });
        return {};
      },
    };
  }

  #running(ref: string): VmView {
    const machine = this.#find(ref);
    const { name, state } = machine;
    if (state !== "running") throw new AppError("VM_NOT_RUNNING", `machine ${name} is ${state}`);
    return machine;
  }

  #exec(): Area<"exec"> {
    return execHandlers({
      running: (ref) => this.#running(ref),
      called: (method, params) => void this.calls.push({ method, params }),
      asked: () => this.#asked.resolve(),
      gate: () => this.execGate,
      background: () => this.background,
    });
  }

  #content(): Area<"image"> & Area<"kernel"> {
    const image = (ref: string) => one(this.images, ref, "IMAGE_NOT_FOUND");
    const kernel = (ref: string) => one(this.kernels, ref, "KERNEL_NOT_FOUND");
    const { operations } = this;
    return {
      "image.build": ({ recipe }) =>
        operations.begin("image.build", recipe, async () => ({ ...sampleImage, name: recipe })),
      "image.list": () => ({ images: this.images }),
      "image.show": ({ ref }) => image(ref),
      "image.delete": ({ ref }) => ({ id: image(ref).id }),
      "kernel.pull": ({ name }) => operations.begin("kernel.pull", name, async () => ({ ...sampleKernel, name })),
      "kernel.list": () => ({ kernels: this.kernels }),
      "kernel.show": ({ ref }) => kernel(ref),
      "kernel.delete": ({ ref }) => ({ id: kernel(ref).id }),
    };
  }

  #operation(): Area<"operation"> {
    return {
      "operation.list": () => ({ operations: [...this.operations.views] }),
      "operation.status": ({ operation }) => this.operations.status(operation),
      "operation.wait": ({ operation }, { progress }) => this.operations.wait(operation, progress),
      "operation.cancel": ({ operation }) => this.operations.cancel(operation),
      "operation.detach": () => ({}),
    };
  }

  #system(): Area<"daemon"> & Area<"doctor"> {
    return {
      "daemon.status": () => ({
        ...{ build: this.#options.build, pid: PID, startedAt: NOW, stateDirectory: "/state", logFile: "/state/log" },
        ...{ socket: this.#options.socket, residentBytes: 64 << 20, operations: this.operations.running },
        agent: { build: "0.1.0+abc", commit: "0123456789ab", builtAt: NOW },
        machines: { total: this.machines.size, running: this.machines.size },
      }),
      "daemon.stop": ({ ifIdle }) => {
        if (ifIdle && this.operations.running > 0) throw new AppError("DAEMON_BUSY", "an operation is under way");
        setImmediate(() => {
          this.#server?.close({ graceMs: CLOSE_MS }).then(this.#stopped.resolve, this.#stopped.reject);
        });
        return { pid: PID };
      },
      "doctor.run": () => ({ rows: this.doctorRows }),
    };
  }
}

function one<T extends { id: string; name: string }>(
  all: readonly T[],
  ref: string,
  code: "IMAGE_NOT_FOUND" | "KERNEL_NOT_FOUND",
): T {
  const found = all.find(({ id, name }) => ref === name || ref === id);
  if (found) return found;
  throw new AppError(code, `there is nothing called ${JSON.stringify(ref)}`, { facts: { ref } });
}
