/**
 * Commands that clients of this daemon have: started for one, or taken up by one that lost its last daemon. Whatever becomes
 * of a client, each ends, goes on in the background, or is the next daemon's.
 */
import type { ExecId, VmId } from "@banger/contract/ids";
import type { Mux } from "@banger/platform/rpc/mux";
import { raceAbort } from "@banger/platform/time/deadline";
import type { Consumed, ExecSpec } from "../guest/exec-begin.ts";
import { ExecSession } from "../guest/exec-session.ts";
import type { LiveMachine } from "../vm/deps.ts";
import type { BackgroundCommands, CommandHome, StartedCommand } from "./background.ts";
import { bridge, hangUp } from "./bridge.ts";

export type AttachedDeps = {
  readonly background: Pick<BackgroundCommands, "promise" | "keep">;
  readonly deleteMachine: (id: VmId) => void;
};

export type InMachine = {
  readonly live: LiveMachine;
  readonly home: CommandHome;
  readonly whyCut: (seen: unknown) => Promise<unknown>;
};

/** `connection` aborts when the client has gone. */
export type Asking = { readonly signal: AbortSignal; readonly connection: AbortSignal };
export type Serving = { readonly session: ExecSession; readonly serve: (mux: Mux) => Promise<void> };

const GUEST_MS = 30_000;

export class AttachedCommands {
  readonly #deps: AttachedDeps;
  readonly #held = new Set<string>();
  readonly #leaving = new AbortController();

  constructor(deps: AttachedDeps) {
    this.#deps = deps;
  }

  /** aborts when the daemon goes */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  has(id: string): boolean {
    return this.#held.has(id);
  }

  /** The daemon goes: the commands are the next one's. */
  leave(): void {
    this.#leaving.abort(new Error("the daemon goes"));
  }

  async start(machine: InMachine, spec: ExecSpec & StartedCommand, asking: Asking): Promise<Serving> {
    return await this.#hold(spec, machine, async () => {
      if (spec.thenDelete) await this.#deps.background.promise(machine.home, spec);
      const starting = ExecSession.start(machine.live.guest, spec, { deadlineMs: GUEST_MS });
      return await this.#begun(starting, { spec, machine, asking });
    });
  }

  /** Takes up a command whose client has lost its daemon. EXEC_NOT_FOUND if the guest does not know it. */
  async resume(
    machine: InMachine,
    { consumed, ...spec }: StartedCommand & { consumed: Consumed },
    asking: Asking,
  ): Promise<Serving> {
    return await this.#hold(spec, machine, async () => {
      const waiting = { deadlineMs: GUEST_MS, consumed, tty: spec.tty !== undefined };
      const joining = ExecSession.join(machine.live.guest, spec.id, waiting).then(async (session) => {
        if (spec.stdin) await session.inputKnown({ deadlineMs: GUEST_MS });
        return session;
      });
      return await this.#begun(joining, { spec, machine, asking });
    });
  }

  async #hold(spec: StartedCommand, machine: InMachine, begin: () => Promise<Serving>): Promise<Serving> {
    this.#held.add(spec.id);
    try {
      return await begin();
    } catch (error) {
      this.#over(spec, machine);
      throw error;
    }
  }

  #over({ id, thenDelete }: Pick<StartedCommand, "id" | "thenDelete">, { home }: InMachine): void {
    this.#held.delete(id);
    if (thenDelete) this.#deps.deleteMachine(home.machine);
  }

  /** A client that goes before it is served leaves a command that nobody sees. */
  async #begun(
    beginning: Promise<ExecSession>,
    command: { spec: StartedCommand; machine: InMachine; asking: Asking },
  ): Promise<Serving> {
    const { signal, connection } = command.asking;
    let session: ExecSession;
    try {
      session = await raceAbort(beginning, signal);
    } catch (error) {
      if (signal.aborted) void beginning.then(hangUp).catch(() => undefined); // nothing has begun
      throw error;
    }
    let served = false;
    connection.addEventListener("abort", () => {
      if (!served) void hangUp(session).then(() => this.#over(command.spec, command.machine));
    });
    const serve = async (mux: Mux) => {
      served = true;
      await this.#serve(session, mux, command);
    };
    return { session, serve };
  }

  async #serve(
    session: ExecSession,
    mux: Mux,
    { spec, machine }: { spec: StartedCommand; machine: InMachine },
  ): Promise<void> {
    const outcome = await bridge(session, mux, {
      tty: spec.tty !== undefined,
      leaving: this.leaving,
      whyCut: machine.whyCut,
      keep: (left) => this.#deps.background.keep(session, machine.home, { spec, left }),
    });
    if (outcome === "ended") this.#over(spec, machine);
    else this.#held.delete(spec.id);
  }
}

export type ExecRequest = Omit<ExecSpec, "id"> & { readonly ref: string };
export type AttachRequest = {
  readonly ref: string;
  readonly exec?: ExecId | string | undefined;
  readonly resume?: Consumed | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
};
