/**
 * Joins our standard streams to a command in a machine until it ends or is left. Bytes go through as they are, and only as
 * fast as either end takes them.
 */
import { constants } from "node:os";
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import type { ExecSession, ExecStatus } from "@banger/sdk/exec";
import { outputError } from "../output/output.ts";
import type { Context } from "../program/context.ts";
import { withoutDetachKeys } from "./detach-keys.ts";
import { Insistence } from "./insistence.ts";
import { type SignalName, signalStatus } from "./interrupts.ts";
import { ScreenModes } from "./screen-modes.ts";

export type Attach = {
  readonly stdin: boolean;
  readonly tty: boolean;
  /** what leaves it running, at a terminal */
  readonly detachKeys: Buffer;
  /** what the user calls it */
  readonly machine: string;
  /** Ctrl-C and the like are ours, and leave the command alone */
  readonly watching?: boolean;
};

export type Attached = { readonly status: number; readonly detached: boolean };

/** The exit status: the command's own, or 128 + the number of the signal that ended it, or us while it would not end. */
export async function attach(session: ExecSession, context: Context, options: Attach): Promise<Attached> {
  const { err } = context;
  const modes = new ScreenModes();
  const first = await joined(session, { context, options, modes });
  if (typeof first === "string") {
    err.line(
      `banger: gave up waiting for the command; if the guest does not answer, it still runs in ${options.machine}`,
    );
    return { status: signalStatus(constants.signals[first]), detached: false };
  }
  if (!("detached" in first)) return { status: statusOf(first), detached: false };
  if (options.tty) err.write(`${modes.undo()}\n`);
  err.line(`banger: ${session.id} goes on; \`banger attach ${options.machine} ${session.id}\` takes it up again`);
  return { status: 0, detached: true };
}

type Joining = { readonly context: Context; readonly options: Attach; readonly modes: ScreenModes };

async function joined(session: ExecSession, { context, options, modes }: Joining): Promise<ExecStatus | SignalName> {
  const { terminal, interrupts, out, err, signal } = context;
  const { stdin, tty, watching = false } = options;
  const left = Promise.withResolvers<SignalName>();
  using _signals = watching
    ? undefined
    : interrupts.forward(
        forwardTo(session, { insistence: new Insistence({ now: context.now, tty }), leave: left.resolve }),
      );
  await using _raw = tty && stdin ? await terminal.rawMode() : undefined;
  using _resize = tty ? terminal.onResize(() => session.resize(terminal.size())) : undefined;
  if (stdin) feed(context, session, options);
  else if (!watching) session.stdin.end();
  const to = { end: false, ...(watching && { signal }) };
  const output = Promise.all([
    tty ? pipeline(session.stdout, modes.watch(), out.stream, to) : pipeline(session.stdout, out.stream, to),
    // With a terminal there is one stream; what goes wrong with ours for errors concerns nobody else.
    pipeline(session.stderr, err.stream, { end: false }).catch(() => void session.stderr.resume()),
  ]);
  // Output that can not be written ends us: nobody would read what follows.
  const broken = output.then(
    () => new Promise<never>(() => undefined),
    async (error: unknown) => {
      signal.throwIfAborted();
      if (!AppError.is(error)) throw outputError(error); // the session's own failures are AppErrors
      await session.ended; // says better why the connection broke
      throw error;
    },
  );
  const ended = session.ended.then(async (end) => {
    await output;
    return end;
  });
  return await Promise.race([ended, broken, left.promise]);
}

/** The end of our input is forwarded, but not that of a terminal, which has gone then: its user has typed nothing. */
function feed({ terminal }: Context, session: ExecSession, { tty, detachKeys }: Attach): void {
  const { stdin } = terminal;
  const fed =
    tty && detachKeys.length > 0
      ? pipeline(
          stdin,
          withoutDetachKeys(detachKeys, () => detach(session)),
          session.stdin,
          { end: false },
        )
      : pipeline(stdin, session.stdin, { end: !tty });
  fed.catch(() => undefined); // a command that takes no more is no failure
}

/** What was typed before it is the command's: it goes first. */
function detach(session: ExecSession): void {
  session.stdin.write(Buffer.alloc(0), () => session.detach());
}

function forwardTo(
  session: ExecSession,
  { insistence, leave }: { insistence: Insistence; leave: (name: SignalName) => void },
): (name: SignalName) => void {
  return (name) => {
    const verdict = insistence.judge(name);
    if (verdict === "leave") leave(name);
    else session.signal(constants.signals[verdict === "kill" ? "SIGKILL" : name]);
  };
}

function statusOf(end: Exclude<ExecStatus, { detached: true }>): number {
  return "status" in end ? end.status : signalStatus(end.signal);
}
