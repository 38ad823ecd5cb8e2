/** Commands in machines: attached to a client, or left running with their output kept. */
import { createReadStream } from "node:fs";
import { join } from "node:path";
import type { ExecId, VmId } from "@banger/contract/ids";
import type { Mux } from "@banger/platform/rpc/mux";
import { ExecSession, type ExecSpec } from "../guest/exec-session.ts";
import type { LiveMachine } from "../vm/deps.ts";
import { type MachineFiles, machineFiles } from "../vm/machine-files.ts";
import type { VmService } from "../vm/vm-service.ts";
import { type BackgroundCommands, type CommandHome, listCommands } from "./background.ts";
import { bridge, hangUp } from "./bridge.ts";
import { readCommandLog } from "./command-log.ts";

export type ExecServiceDeps = {
  readonly vm: VmService;
  readonly background: BackgroundCommands;
  readonly machines: string;
  readonly newId: () => ExecId;
};

export type CommandRequest = Omit<ExecSpec, "id"> & { readonly ref: string };
export type LogSource = "console" | "command" | "vmm";

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

  /** Throws VM_NOT_FOUND at once, then gives what there is, oldest first. */
  logs(ref: string, source: LogSource): AsyncIterable<Buffer> {
    const files = this.#files(this.#deps.vm.find(ref).record.id);
    if (source === "command") return commandOutput(files.commands);
    const file = source === "vmm" ? files.vmmLog : files.console;
    return concatenated([`${file}.1`, file]);
  }

  #home(id: VmId): CommandHome {
    return { machine: id, directory: this.#files(id).commands };
  }

  #files(id: VmId): MachineFiles {
    return machineFiles(this.#deps.machines, id);
  }
}

async function* commandOutput(directory: string): AsyncGenerator<Buffer> {
  for (const { folder } of await listCommands(directory)) {
    for await (const { data } of readCommandLog(join(folder, "output"))) yield data;
  }
}

async function* concatenated(paths: readonly string[]): AsyncGenerator<Buffer> {
  for (const path of paths) {
    try {
      yield* createReadStream(path);
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!missing) throw error;
    }
  }
}
