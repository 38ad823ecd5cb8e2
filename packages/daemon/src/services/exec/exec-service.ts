/** Commands in machines: attached to a client, or left running with their output kept. */
import { join } from "node:path";
import type { ExecId, VmId } from "@banger/contract/ids";
import { rotatedLog } from "@banger/platform/fs/rotated-log";
import type { Mux } from "@banger/platform/rpc/mux";
import { ExecSession, type ExecSpec } from "../guest/exec-session.ts";
import type { LiveMachine } from "../vm/deps.ts";
import { type MachineFiles, machineFiles } from "../vm/machine-files.ts";
import type { VmService } from "../vm/vm-service.ts";
import { type BackgroundCommands, type CommandHome, listCommands } from "./background.ts";
import { bridge, hangUp } from "./bridge.ts";
import { commandOutput, type LoggedCommand } from "./command-output.ts";

export type ExecServiceDeps = {
  readonly vm: VmService;
  readonly background: BackgroundCommands;
  readonly machines: string;
  readonly newId: () => ExecId;
};

export type CommandRequest = Omit<ExecSpec, "id"> & { readonly ref: string };
export type LogRequest = {
  readonly ref: string;
  readonly source: "console" | "command" | "vmm";
  readonly follow: boolean;
  readonly tail?: number | undefined;
  readonly since?: number | undefined;
};
/** `over` ends one that is followed. */
export type OpenLog = { readonly machine: VmId; read(over: AbortSignal): AsyncIterable<Buffer> };

const GUEST_MS = 30_000;

export class ExecService {
  readonly #deps: ExecServiceDeps;

  /** attached commands that this daemon has started */
  readonly #own = new Set<string>();
  #attached = 0;

  constructor(deps: ExecServiceDeps) {
    this.#deps = deps;
  }

  /** Connections that carry a command or a log right now; they end with the daemon. */
  get attached(): number {
    return this.#attached;
  }

  /** Counts what is served over a client's connection. */
  async attach(serve: () => Promise<void>): Promise<void> {
    this.#attached += 1;
    try {
      await serve();
    } finally {
      this.#attached -= 1;
    }
  }

  /** Starts a command for a client, who then serves it over its connection. */
  async run(
    { ref, ...spec }: CommandRequest,
    { signal }: { signal: AbortSignal },
  ): Promise<{ exec: ExecId; pid: number; serve: (mux: Mux) => Promise<void> }> {
    const { machine, live } = this.#deps.vm.live(ref);
    const id = this.#deps.newId();
    this.#own.add(id);
    try {
      const session = await ExecSession.start(live.guest, { ...spec, id }, { signal, deadlineMs: GUEST_MS });
      const whyCut = (seen: unknown) => this.#deps.vm.whyCut(machine, live, seen);
      const serve = (mux: Mux) =>
        this.attach(() => bridge(session, mux, { whyCut })).finally(() => this.#own.delete(id));
      return { exec: id, pid: session.pid ?? 0, serve };
    } catch (error) {
      this.#own.delete(id);
      throw error;
    }
  }

  /** Leaves a command running; with `thenDelete` the machine goes when it has ended. */
  async detach({ ref, ...spec }: CommandRequest & { thenDelete: boolean }): Promise<{ exec: ExecId; pid: number }> {
    const { machine, live } = this.#deps.vm.live(ref);
    const id = this.#deps.newId();
    const home = this.#home(machine.record.id);
    const session = await this.#deps.background.start(live.guest, home, { ...spec, id });
    return { exec: id, pid: session.pid ?? 0 };
  }

  /** Of a machine that was adopted: its background commands are followed again, and what nobody follows is hung up. */
  async rejoin(id: VmId, { guest }: LiveMachine): Promise<void> {
    const home = this.#home(id);
    await this.#deps.background.rejoin(guest, home);
    const { exec } = await guest.request("execs", {}, { deadlineMs: GUEST_MS });
    const followed = new Set<string>((await listCommands(home.directory)).map(({ command }) => command.id));
    const orphans = exec.map((one) => one.id.raw()).filter((one) => !followed.has(one) && !this.#own.has(one));
    await Promise.all(
      orphans.map(async (orphan) => await hangUp(await ExecSession.join(guest, orphan, { deadlineMs: GUEST_MS }))),
    );
  }

  /** Throws VM_NOT_FOUND at once; what is read comes oldest first. */
  logs({ ref, source, follow, tail, since }: LogRequest): OpenLog {
    const machine = this.#deps.vm.find(ref).record.id;
    const files = this.#files(machine);
    const read = async function* (this: ExecService, over: AbortSignal): AsyncGenerator<Buffer> {
      const options = { tail, ...(follow && { follow: over }) };
      if (source !== "command") yield* rotatedLog(source === "vmm" ? files.vmmLog : files.console, options);
      else yield* commandOutput(await this.#logged(files.commands), { ...options, since });
    };
    return { machine, read: read.bind(this) };
  }

  async #logged(directory: string): Promise<readonly LoggedCommand[]> {
    return (await listCommands(directory)).map(({ folder, command }) => {
      return { log: join(folder, "output"), growing: this.#deps.background.followed(command.id) };
    });
  }

  #home(id: VmId): CommandHome {
    return { machine: id, directory: this.#files(id).commands };
  }

  #files(id: VmId): MachineFiles {
    return machineFiles(this.#deps.machines, id);
  }
}
