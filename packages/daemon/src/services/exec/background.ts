/**
 * Commands that were left running: each has a folder with what it is and what it wrote, and is followed by whichever
 * daemon is there. Output is acknowledged to the agent only when it is on disk, so nothing is lost with a daemon.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { AppError, describeChain } from "@banger/contract/errors";
import type { ExecId, VmId } from "@banger/contract/ids";
import { Changes } from "@banger/platform/changes";
import { isOutOfSpace } from "@banger/platform/fs/errno";
import type { Logger } from "@banger/platform/log";
import type { Clock } from "@banger/platform/time/clock";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import type { ExecSpec } from "../guest/exec-begin.ts";
import { ExecSession } from "../guest/exec-session.ts";
import type { LeftRunning } from "./bridge.ts";
import { CommandLog, type CommandStream } from "./command-log.ts";
import { type Command, listCommands, writeCommand } from "./command-record.ts";

export type BackgroundDeps = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deleteMachine: (id: VmId) => void;
};
/** Where the machine keeps the folders of its commands. */
export type CommandHome = { readonly machine: VmId; readonly directory: string };

export type StartedCommand = { readonly id: ExecId } & Pick<ExecSpec, "argv" | "stdin"> & {
    readonly thenDelete: boolean;
    readonly tty?: unknown;
  };

type Running = CommandHome & { readonly folder: string; readonly command: Command };

/** A command that is followed: its output goes to its log, and who wants to see it reads that. */
export type Followed = {
  readonly session: ExecSession;
  readonly command: Command;
  readonly log: CommandLog;
  /** told when the log has grown, and when it is over */
  readonly changes: Changes;
  /** nothing more will be written to the log */
  over: boolean;
  /** whether a client may write to it already */
  hasWriter: boolean;
};

const GUEST_MS = 30_000;
/** how often a full disk is tried again, `ms` */
const SPACE_MS = 1_000;

export class BackgroundCommands {
  /** told when a command is followed, when it no longer is, and when all of a machine's are */
  readonly changes = new Changes();
  readonly #deps: BackgroundDeps;
  readonly #following = new Set<Promise<void>>();
  readonly #followed = new Map<string, Followed>();
  /** machines that were up when this daemon began, until their commands are followed again */
  readonly #reaching = new Set<VmId>();
  readonly #leaving = new AbortController();

  constructor(deps: BackgroundDeps) {
    this.#deps = deps;
  }

  /** Starts a command and follows it; resolves when it runs. */
  async start(guest: GuestChannel, home: CommandHome, spec: ExecSpec & StartedCommand): Promise<ExecSession> {
    const running = await this.#write(home, spec, { attached: false });
    try {
      const session = await ExecSession.start(guest, spec, { deadlineMs: GUEST_MS });
      await this.#follow(session, running);
      return session;
    } catch (error) {
      await writeCommand(running.folder, { ...running.command, end: { lost: describeChain(error) } });
      throw error;
    }
  }

  /** Writes down, before it starts, a command with which the machine is to go, whatever becomes of its client and of us. */
  async promise(home: CommandHome, spec: StartedCommand): Promise<void> {
    await this.#write(home, spec, { attached: true });
  }

  /** Goes on with a command that its client leaves running; resolves when nothing of it can be lost any more. */
  async keep(session: ExecSession, home: CommandHome, { spec, left }: { spec: StartedCommand; left: LeftRunning }) {
    await this.#follow(session, await this.#write(home, spec, { attached: false }), left);
  }

  /** The machine was adopted, and will be reached when it goes on; disposed of when it never will. */
  expect(machine: VmId): Disposable {
    this.#reaching.add(machine);
    return {
      [Symbol.dispose]: () => {
        this.#reaching.delete(machine);
        this.changes.tell();
      },
    };
  }

  /** Joins again, in a machine that was adopted, what ran when the last daemon ended, and keeps what it had promised. */
  async rejoin(guest: GuestChannel, home: CommandHome, { after }: { after: Promise<void> }): Promise<void> {
    using _ = this.expect(home.machine);
    await after;
    const known = await listCommands(home.directory);
    if (known.some(({ command }) => command.thenDelete && command.end !== null)) this.#deps.deleteMachine(home.machine);
    const unended = known.filter(({ command }) => command.end === null && !command.attached);
    const joins = unended.map((one) => this.#tracked(this.#rejoinOne(guest, { ...home, ...one }), one.command.id));
    await Promise.all(joins);
  }

  /** Undefined when it has ended, or nobody has reached its machine yet. */
  followed(id: string): Followed | undefined {
    return this.#followed.get(id);
  }

  /** The same, but of a machine that is still to be reached it is waited for. */
  async whenFollowed(id: string, { machine, signal }: { machine: VmId; signal: AbortSignal }) {
    for (;;) {
      const seen = this.changes.version;
      const followed = this.#followed.get(id);
      if (followed || !this.#reaching.has(machine)) return followed;
      await this.changes.since(seen, { signal });
    }
  }

  /** Resolves when nobody is written for any more; channels must be closed before. What found no space is the next daemon's. */
  async settled(): Promise<void> {
    this.#leaving.abort(new AppError("CANCELLED", "the daemon goes"));
    while (this.#following.size > 0) await Promise.all(this.#following);
  }

  async #write(home: CommandHome, spec: StartedCommand, { attached }: { attached: boolean }): Promise<Running> {
    const folder = join(home.directory, spec.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const command: Command = {
      ...{ id: spec.id, argv: [...spec.argv], thenDelete: spec.thenDelete, attached, end: null },
      ...{ tty: spec.tty !== undefined, stdin: spec.stdin ?? false },
      startedAt: new Date(this.#deps.clock.now()).toISOString(),
    };
    await writeCommand(folder, command);
    return { ...home, folder, command };
  }

  async #rejoinOne(guest: GuestChannel, running: Running): Promise<void> {
    const { folder, command } = running;
    try {
      const log = await CommandLog.open(join(folder, "output"));
      const waiting = { deadlineMs: GUEST_MS, consumed: log.offsets, tty: command.tty };
      await this.#follow(await ExecSession.join(guest, command.id, waiting), running);
    } catch (error) {
      if (!AppError.is(error, "EXEC_NOT_FOUND")) throw error;
      await writeCommand(folder, { ...command, end: { lost: "the machine was started anew" } });
      this.changes.tell();
    }
  }

  /** Resolves when it can be seen by others. */
  async #follow(session: ExecSession, running: Running, left?: LeftRunning): Promise<void> {
    const log = await CommandLog.open(join(running.folder, "output"));
    log.beginAt(left?.from ?? session.consumed);
    const { changes } = log;
    const followed: Followed = { session, command: running.command, log, changes, over: false, hasWriter: false };
    this.#followed.set(session.id, followed);
    this.changes.tell();
    void this.#tracked(this.#record(followed, running, left), session.id);
  }

  /** Never rejects: a command that cannot be followed costs no other one its log. */
  #tracked(work: Promise<void>, exec: string): Promise<void> {
    const following = work
      .catch((error: unknown) =>
        this.#deps.log.warn("background command not followed", { exec, error: describeChain(error) }),
      )
      .finally(() => this.#following.delete(following));
    this.#following.add(following);
    return following;
  }

  /** A full disk costs a command time, as a slow reader does, and none of its output. */
  async #withSpace(exec: string, write: () => Promise<void>): Promise<void> {
    for (let tries = 0; ; tries += 1) {
      try {
        await write();
        return;
      } catch (error) {
        if (!isOutOfSpace(error)) throw error;
        if (tries === 0) this.#deps.log.warn("no space for the output of a command: it waits", { exec });
        await this.#deps.clock.sleep(SPACE_MS, { signal: this.#leaving.signal });
      }
    }
  }

  async #record(followed: Followed, { machine, folder, command }: Running, left?: LeftRunning): Promise<void> {
    const { session, log } = followed;
    try {
      const copy = async (stream: CommandStream) => {
        for await (const chunk of left?.[stream] ?? session.pieces[stream]())
          await this.#withSpace(command.id, () => log.append(stream, chunk, { at: this.#deps.clock.now() }));
      };
      await Promise.all([copy("stdout"), copy("stderr")]);
      const end = await session.exit;
      await this.#withSpace(command.id, () => writeCommand(folder, { ...command, end }));
    } finally {
      this.#followed.delete(command.id);
      followed.over = true;
      log.changes.tell();
      this.changes.tell();
    }
    await session.release({ deadlineMs: GUEST_MS });
    if (command.thenDelete) this.#deps.deleteMachine(machine);
  }
}
