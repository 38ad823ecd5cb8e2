/**
 * Commands that were left running: each has a folder with what it is and what it wrote, and is followed by whichever
 * daemon is there. Output is acknowledged to the agent only when it is on disk, so nothing is lost with a daemon.
 */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, describeChain } from "@banger/contract/errors";
import { ExecId, type VmId } from "@banger/contract/ids";
import { Changes } from "@banger/platform/changes";
import { atomicWrite } from "@banger/platform/fs/atomic-write";
import type { Logger } from "@banger/platform/log";
import type { Clock } from "@banger/platform/time/clock";
import * as z from "zod";
import { ExecSession, type ExecSpec } from "../guest/exec-session.ts";
import type { GuestChannel } from "../guest/guest-channel.ts";
import { CommandLog, type CommandStream } from "./command-log.ts";

const Command = z.object({
  id: ExecId,
  argv: z.array(z.string()),
  /** whether the machine is deleted when it has ended */
  thenDelete: z.boolean().default(false),
  /** ISO 8601 */
  startedAt: z.string(),
  /** `null` while it runs */
  end: z
    .union([z.object({ status: z.number() }), z.object({ signal: z.number() }), z.object({ lost: z.string() })])
    .nullable(),
});
export type Command = z.infer<typeof Command>;

export type BackgroundDeps = {
  readonly clock: Clock;
  readonly log: Logger;
  readonly deleteMachine: (id: VmId) => void;
};
/** Where the machine keeps the folders of its commands. */
export type CommandHome = { readonly machine: VmId; readonly directory: string };

type Running = CommandHome & { readonly folder: string; readonly command: Command };

/** A command that is followed: its output goes to its log, and who wants to see it reads that. */
export type Followed = {
  readonly session: ExecSession;
  /** told when the log has grown, and when it is over */
  readonly changes: Changes;
  /** nothing more will be written to the log */
  over: boolean;
};

const GUEST_MS = 30_000;

export class BackgroundCommands {
  /** told when a command is followed, and when it no longer is */
  readonly changes = new Changes();
  readonly #deps: BackgroundDeps;
  readonly #following = new Set<Promise<void>>();
  readonly #followed = new Map<string, Followed>();

  constructor(deps: BackgroundDeps) {
    this.#deps = deps;
  }

  /** Starts a command and follows it; resolves when it runs. */
  async start(
    guest: GuestChannel,
    home: CommandHome,
    { thenDelete, ...spec }: ExecSpec & { id: ExecId; thenDelete: boolean },
  ): Promise<ExecSession> {
    const folder = join(home.directory, spec.id);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const command = {
      id: spec.id,
      argv: [...spec.argv],
      thenDelete,
      startedAt: new Date(this.#deps.clock.now()).toISOString(),
      end: null,
    };
    await writeCommand(folder, command);
    try {
      const session = await ExecSession.start(guest, spec, { deadlineMs: GUEST_MS });
      this.#follow(session, { ...home, folder, command });
      return session;
    } catch (error) {
      await writeCommand(folder, { ...command, end: { lost: describeChain(error) } });
      throw error;
    }
  }

  /** Joins again, in a machine that was adopted, what ran when the last daemon ended, and keeps what it had promised. */
  async rejoin(guest: GuestChannel, home: CommandHome): Promise<void> {
    const known = await listCommands(home.directory);
    if (known.some(({ command }) => command.thenDelete && command.end !== null)) this.#deps.deleteMachine(home.machine);
    const unended = known.filter(({ command }) => command.end === null);
    await Promise.all(unended.map((one) => this.#tracked(this.#rejoinOne(guest, { ...home, ...one }), one.command.id)));
  }

  /** Undefined when it has ended, or nobody has reached its machine yet. */
  followed(id: string): Followed | undefined {
    return this.#followed.get(id);
  }

  /** Resolves when nobody is written for any more; channels must be closed before. */
  async settled(): Promise<void> {
    while (this.#following.size > 0) await Promise.all(this.#following);
  }

  async #rejoinOne(guest: GuestChannel, running: Running): Promise<void> {
    const { folder, command } = running;
    try {
      const log = await CommandLog.open(join(folder, "output"));
      const session = await ExecSession.join(guest, command.id, { deadlineMs: GUEST_MS, consumed: log.offsets });
      this.#follow(session, running);
    } catch (error) {
      if (!AppError.is(error, "EXEC_NOT_FOUND")) throw error;
      await writeCommand(folder, { ...command, end: { lost: "the machine was started anew" } });
      this.changes.tell();
    }
  }

  #follow(session: ExecSession, running: Running): void {
    void this.#tracked(this.#record(session, running), session.id);
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

  async #record(session: ExecSession, { machine, folder, command }: Running): Promise<void> {
    const log = await CommandLog.open(join(folder, "output"));
    const followed: Followed = { session, changes: log.changes, over: false };
    this.#followed.set(command.id, followed);
    this.changes.tell();
    try {
      const copy = async (stream: CommandStream) => {
        for await (const chunk of session.pieces[stream]())
          await log.append(stream, chunk, { at: this.#deps.clock.now() });
      };
      await Promise.all([copy("stdout"), copy("stderr")]);
      await writeCommand(folder, { ...command, end: await session.exit });
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

/** In the order in which they were started. */
export async function listCommands(directory: string): Promise<ReadonlyArray<{ folder: string; command: Command }>> {
  const names = await readdir(directory).catch(() => []); // none was ever started
  const found = await Promise.all(names.map((name) => readCommand(join(directory, name))));
  return found.flatMap((one) => one ?? []).sort((a, b) => a.command.startedAt.localeCompare(b.command.startedAt));
}

async function readCommand(folder: string): Promise<{ folder: string; command: Command } | undefined> {
  try {
    return { folder, command: Command.parse(JSON.parse(await readFile(join(folder, "command.json"), "utf8"))) };
  } catch {
    return undefined; // the daemon died before the command was written down, so it was never started
  }
}

async function writeCommand(folder: string, command: Command): Promise<void> {
  await atomicWrite(join(folder, "command.json"), JSON.stringify(command));
}
