/** Commands in machines: attached to a client, or left running with their output kept. */
import { join } from "node:path";
import type { LogPosition } from "@banger/contract/daemon/log-line";
import type { ExecId, VmId } from "@banger/contract/ids";
import type { Mux } from "@banger/platform/rpc/mux";
import type { Clock } from "@banger/platform/time/clock";
import { ExecSession } from "../guest/exec-session.ts";
import type { LiveMachine } from "../vm/deps.ts";
import { type MachineFiles, machineFiles } from "../vm/machine-files.ts";
import type { VmService } from "../vm/vm-service.ts";
import type { Machine } from "../vm/vm-store.ts";
import {
  type Asking,
  AttachedCommands,
  type AttachRequest,
  type ExecRequest,
  type InMachine,
} from "./attached-commands.ts";
import type { BackgroundCommands, CommandHome } from "./background.ts";
import { hangUp } from "./bridge.ts";
import type { Growing } from "./command-log-reader.ts";
import { commandOutput, type LoggedCommand, type LogPiece } from "./command-output.ts";
import { type Command, listCommands } from "./command-record.ts";
import { fileOutput } from "./file-output.ts";
import { type KnownCommand, takeUp } from "./take-up.ts";

export type ExecServiceDeps = {
  readonly vm: VmService;
  readonly background: BackgroundCommands;
  readonly machines: string;
  readonly newId: () => ExecId;
  readonly clock: Clock;
  readonly deleteMachine: (id: VmId) => void;
};

export type LogRequest = {
  readonly ref: string;
  readonly source: "console" | "command" | "vmm";
  readonly follow: boolean;
  readonly tail?: number | undefined;
  readonly since?: number | undefined;
  readonly resume?: readonly LogPosition[] | undefined;
};
export type OpenLog = {
  readonly machine: VmId;
  /** of one that is followed: aborts when the daemon goes, and the log is the next one's */
  readonly leaving: AbortSignal | undefined;
  /** `over` ends one that is followed */
  read(over: AbortSignal): AsyncIterable<LogPiece>;
};

type RunRequest = ExecRequest & { readonly thenDelete: boolean; readonly keep: boolean };
type Served = { readonly serve: (mux: Mux) => Promise<void> };
export type Started = Served & { readonly exec: ExecId; readonly machine: VmId; readonly pid: number };
export type TakenUp = Served & Omit<KnownCommand, "folder"> & { readonly machine: VmId };

const GUEST_MS = 30_000;
/** what clients that lost their daemon have for coming back to the next one, `ms` */
export const RETURN_MS = 30_000;

export class ExecService {
  readonly #deps: ExecServiceDeps;
  readonly #commands: AttachedCommands;
  readonly #served = { streams: 0, commands: 0 };

  constructor(deps: ExecServiceDeps) {
    this.#deps = deps;
    this.#commands = new AttachedCommands(deps);
  }

  /** What clients have over their connections right now: commands and logs that are followed outlive the daemon, and nothing else. */
  get served(): { readonly streams: number; readonly commands: number } {
    return { ...this.#served };
  }

  /** Counts what is served over a client's connection; unless it is `lasting` it would end with the daemon. */
  async attach(serve: () => Promise<void>, { lasting = false } = {}): Promise<void> {
    await this.#count(lasting ? "commands" : "streams", serve);
  }

  async #count(what: "streams" | "commands", serve: () => Promise<void>): Promise<void> {
    this.#served[what] += 1;
    try {
      await serve();
    } finally {
      this.#served[what] -= 1;
    }
  }

  /** aborts when the daemon goes */
  get leaving(): AbortSignal {
    return this.#commands.leaving;
  }

  /** The daemon goes: clients are let go, and find their commands with the next one. */
  leave(): void {
    this.#commands.leave();
  }

  /** Starts a command for a client, who then serves it over its connection. */
  async run({ ref, keep, ...spec }: RunRequest, asking: Asking): Promise<Started> {
    const machine = this.#inMachine(ref);
    const id = this.#deps.newId();
    // One that is to go with its command is its maker's until that was promised.
    if (keep && !spec.thenDelete) this.#deps.vm.keep(machine.home.machine);
    const { session, serve } = await this.#commands.start(machine, { ...spec, id }, asking);
    if (keep && spec.thenDelete) this.#deps.vm.keep(machine.home.machine);
    return {
      ...{ exec: id, machine: machine.home.machine, pid: session.pid ?? 0 },
      serve: (mux) => this.#count("commands", () => serve(mux)),
    };
  }

  /** Leaves a command running; with `thenDelete` the machine goes when it has ended. */
  async detach({ ref, ...spec }: ExecRequest & { thenDelete: boolean }): Promise<{ exec: ExecId; pid: number }> {
    const { live, home } = this.#inMachine(ref);
    const id = this.#deps.newId();
    const session = await this.#deps.background.start(live.guest, home, { ...spec, id });
    return { exec: id, pid: session.pid ?? 0 };
  }

  /** Takes up a command that runs in the background, or that its client had when its daemon went away. */
  async takeUp(request: AttachRequest, asking: Asking): Promise<TakenUp> {
    const { record } = this.#deps.vm.find(request.ref);
    const deps = { ...this.#deps, commands: this.#commands, inMachine: () => this.#inMachine(record.id) };
    const { serve, ...known } = await takeUp(
      deps,
      { ...request, record, home: this.#home(record.id), name: record.name },
      asking,
    );
    return { ...known, machine: record.id, serve: (mux) => this.#count("commands", () => serve(mux)) };
  }

  /**
   * Of a machine that was adopted: its background commands are followed again. What clients had is theirs for a while,
   * and hung up then.
   */
  async rejoin(id: VmId, { guest }: LiveMachine, options: { after: Promise<void> }): Promise<void> {
    const home = this.#home(id);
    await this.#deps.background.rejoin(guest, home, options);
    const { exec } = await guest.request("execs", {}, { deadlineMs: GUEST_MS });
    const known = (await listCommands(home.directory)).map(({ command }) => command);
    const promised = known.filter(({ attached, thenDelete, end }) => attached && thenDelete && end === null);
    const followed = new Set<string>(known.filter(({ attached }) => !attached).map((command) => command.id));
    const theirs = exec.map((one) => one.id.raw()).filter((one) => !followed.has(one));
    if (theirs.length + promised.length === 0) return;
    try {
      await this.#deps.clock.sleep(RETURN_MS, { signal: this.#commands.leaving });
    } catch {
      return; // the daemon goes: the next one waits for them
    }
    const left = theirs.filter((one) => !this.#commands.has(one));
    await Promise.all(left.map((orphan) => hangUpOrphan(guest, orphan)));
    if (promised.some((command) => !this.#commands.has(command.id))) this.#deps.deleteMachine(id);
  }

  /** Throws VM_NOT_FOUND at once; what is read comes oldest first. */
  logs({ ref, source, follow, tail, since, resume }: LogRequest): OpenLog {
    const machine = this.#deps.vm.find(ref).record.id;
    const files = this.#files(machine);
    const read = async function* (this: ExecService, over: AbortSignal): AsyncGenerator<LogPiece> {
      const options = { tail, resume, ...(follow && { follow: over }) };
      if (source !== "command") yield* fileOutput(source, source === "vmm" ? files.vmmLog : files.console, options);
      else yield* commandOutput(await this.#logged(this.#home(machine), options), { ...options, since });
    };
    return { machine, leaving: follow ? this.#commands.leaving : undefined, read: read.bind(this) };
  }

  /** What terminals showed is taken up, and no log. */
  async #logged(home: CommandHome, { follow }: { follow?: AbortSignal }): Promise<readonly LoggedCommand[]> {
    const written = (await listCommands(home.directory)).filter(({ command }) => !command.tty && !command.attached);
    const logged = written.map(async ({ folder, command }) => {
      return {
        id: command.id,
        log: join(folder, "output"),
        growing: follow && (await this.#growing(command, home, follow)),
      };
    });
    return await Promise.all(logged);
  }

  /** Of a machine that the last daemon has left, the commands are to be reached again first. */
  async #growing({ id, end }: Command, { machine }: CommandHome, over: AbortSignal): Promise<Growing | undefined> {
    if (end !== null) return undefined;
    return await this.#deps.background.whenFollowed(id, { machine, signal: over }).catch(() => undefined); // it is over
  }

  #inMachine(ref: string): InMachine & { machine: Machine } {
    const { machine, live } = this.#deps.vm.live(ref);
    const whyCut = (seen: unknown) => this.#deps.vm.whyCut(machine, live, seen);
    return { machine, live, whyCut, home: this.#home(machine.record.id) };
  }

  #home(id: VmId): CommandHome {
    return { machine: id, directory: this.#files(id).commands };
  }

  #files(id: VmId): MachineFiles {
    return machineFiles(this.#deps.machines, id);
  }
}

/** It may have been taken up, have ended and be released since it was listed. */
async function hangUpOrphan(guest: LiveMachine["guest"], id: string): Promise<void> {
  const session = await ExecSession.join(guest, id, { deadlineMs: GUEST_MS }).catch(() => undefined);
  if (session) await hangUp(session);
}
