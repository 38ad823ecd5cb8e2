/** Finds the command that a client means and lets it go on with it: in the background, or as the client had it. */
import { join } from "node:path";
import type { ExecEnd } from "@banger/contract/daemon/exec";
import { AppError, describeChain } from "@banger/contract/errors";
import { ExecId } from "@banger/contract/ids";
import type { Mux } from "@banger/platform/rpc/mux";
import { withDeadline } from "@banger/platform/time/deadline";
import type { Consumed } from "../guest/exec-begin.ts";
import { errorView } from "../operation/error-view.ts";
import type { MachineRecord } from "../vm/machine-record.ts";
import type { Asking, AttachedCommands, AttachRequest, InMachine } from "./attached-commands.ts";
import type { BackgroundCommands, CommandHome, Followed } from "./background.ts";
import { type Command, listCommands } from "./command-record.ts";
import { isRunning } from "./command-service.ts";
import { lastScreen, logEnd, resumeAt } from "./replay.ts";
import { serveFollowed } from "./serve-followed.ts";

export type TakeUpDeps = {
  readonly background: Pick<BackgroundCommands, "whenFollowed">;
  readonly commands: AttachedCommands;
  /** throws VM_NOT_RUNNING */
  readonly inMachine: () => InMachine;
};

export type KnownCommand = {
  readonly exec: ExecId;
  readonly argv: string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly background: boolean;
  readonly from: Consumed & { readonly stdin: number };
};

type Wanted = AttachRequest & { readonly home: CommandHome; readonly name: string; readonly record: MachineRecord };
type Stored = { readonly folder: string; readonly command: Command };
type Serving = KnownCommand & { readonly serve: (mux: Mux) => Promise<void> };

/** after a restart the machine has to be reached first, `ms` */
const FOLLOWED_MS = 30_000;

export async function takeUp(deps: TakeUpDeps, wanted: Wanted, asking: Asking): Promise<Serving> {
  const known = await listCommands(wanted.home.directory);
  const stored = choose(known, wanted);
  if (stored && !stored.command.attached) return await inBackground(deps, stored, { ...wanted, asking });
  if (stored && deps.commands.has(stored.command.id)) throw attachedTo(stored.command.id, wanted.name);
  return await asBefore(deps, { ...wanted, stored }, asking);
}

/** Without an id it is the only one that runs; with one it may have ended. */
function choose(known: readonly Stored[], { exec, name, record }: Wanted): Stored | undefined {
  const running = known.filter(({ command }) => isRunning(command, record) && !command.attached);
  const named = exec !== undefined ? known.filter(({ command }) => command.id.startsWith(exec)) : running;
  const [first, second] = named;
  if (first && second) throw ambiguous(named, name);
  if (first || exec !== undefined) return first;
  throw new AppError("EXEC_NOT_FOUND", `no command runs in the background of ${name}`, {
    hint: "`run -d` and the detach keys of a terminal leave commands there.",
  });
}

/** Of a client that has lost its daemon: the guest has kept what it did not get. */
async function asBefore(
  deps: TakeUpDeps,
  { exec, resume, tty, stdin, name, stored }: Wanted & { stored: Stored | undefined },
  asking: Asking,
): Promise<Serving> {
  const id = ExecId.safeParse(exec);
  if (deps.commands.has(exec ?? "")) throw attachedTo(exec ?? "", name);
  if (!id.success || !resume) {
    throw new AppError("EXEC_NOT_FOUND", `${name} has no command ${JSON.stringify(exec)} in the background`, {
      hint: "`banger attach MACHINE` takes up the one that runs there.",
    });
  }
  const argv = stored?.command.argv ?? [];
  const spec = { id: id.data, argv, stdin, thenDelete: stored?.command.thenDelete ?? false, ...(tty && { tty }) };
  const { session, serve } = await deps.commands.resume(deps.inMachine(), { ...spec, consumed: resume }, asking);
  const from = { ...session.consumed, stdin: session.input.taken };
  return { exec: id.data, argv, tty, stdin, background: false, from, serve };
}

async function inBackground(
  deps: TakeUpDeps,
  { folder, command }: Stored,
  wanted: Wanted & { asking: Asking },
): Promise<Serving> {
  const followed = isRunning(command, wanted.record) ? await reach(deps, command, wanted) : undefined;
  const writes = wanted.stdin && command.stdin && followed !== undefined;
  if (writes) takePen(followed, wanted);
  const { id: exec, argv, tty, stdin } = command;
  try {
    const log = join(folder, "output");
    const end = followed?.log.offsets ?? (await logEnd(log));
    const replay = wanted.resume ? await resumeAt(log, { wanted: wanted.resume, end }) : await lastScreen(log, end);
    const from = { ...replay.from, stdin: followed?.session.input.given ?? 0 };
    const ended = async () => endOf(followed, await latest(wanted.home, exec), command);
    const options = { replay, followed, writes, end: ended, leaving: deps.commands.leaving };
    const serve = (mux: Mux) =>
      serveFollowed(log, mux, options).finally(() => {
        if (writes) followed.hasWriter = false;
      });
    return { exec, argv, tty, stdin, background: true, from, serve };
  } catch (error) {
    if (writes) followed.hasWriter = false;
    throw error;
  }
}

async function reach(
  deps: TakeUpDeps,
  { id, stdin }: Command,
  { asking: { signal }, home, name }: Wanted & { asking: Asking },
): Promise<Followed> {
  deps.inMachine();
  const options = { signal, ms: FOLLOWED_MS, what: `the machine ${name} to be reached again` };
  const { machine } = home;
  const followed = await withDeadline(
    (within) => deps.background.whenFollowed(id, { machine, signal: within }),
    options,
  );
  if (!followed) throw lost(id, "its machine was started anew");
  if (stdin) await followed.session.inputKnown({ signal, deadlineMs: FOLLOWED_MS });
  return followed;
}

/** One at a time; it is given back with the connection, served or not. */
function takePen(followed: Followed, { name, asking }: { name: string; asking: Asking }): void {
  if (followed.hasWriter) throw attachedTo(followed.command.id, name);
  followed.hasWriter = true;
  asking.connection.addEventListener("abort", () => {
    followed.hasWriter = false;
  });
}

async function latest(home: CommandHome, id: ExecId): Promise<Command["end"]> {
  const known = await listCommands(home.directory);
  return known.find(({ command }) => command.id === id)?.command.end ?? null;
}

async function endOf(followed: Followed | undefined, end: Command["end"], { id }: Command): Promise<ExecEnd> {
  const known =
    end ?? (await followed?.session.exit.catch((error: unknown) => ({ lost: describeChain(error) }))) ?? null;
  return known && !("lost" in known)
    ? known
    : { error: errorView(lost(id, known?.lost ?? "its machine has ended since")) };
}

function lost(id: ExecId, why: string): AppError {
  return new AppError("EXEC_NOT_FOUND", `how command ${id} ended is not known: ${why}`, { facts: { exec: id } });
}

function attachedTo(id: string, name: string): AppError {
  return new AppError("EXEC_ATTACHED", `command ${id} of ${name} is attached to another client`, {
    facts: { exec: id },
  });
}

function ambiguous(found: readonly Stored[], name: string): AppError {
  const list = found.map(({ command }) => `${command.id} (${shown(command.argv)})`).join(", ");
  return new AppError("EXEC_AMBIGUOUS", `it could be ${found.length} commands of ${name}: ${list}`);
}

function shown(argv: readonly string[]): string {
  const line = argv.join(" ").replaceAll(/\s+/g, " ");
  return line.length > 40 ? `${line.slice(0, 37)}...` : line;
}
