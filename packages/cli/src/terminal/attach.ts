/**
 * Joins our standard streams to a command in a machine until it ends. Bytes go through as they are, and only as fast as
 * either end takes them.
 */
import { constants } from "node:os";
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import type { ExecSession, ExecStatus } from "@banger/sdk/exec";
import { outputError } from "../output/output.ts";
import type { Context } from "../program/context.ts";
import { Insistence } from "./insistence.ts";
import { type SignalName, signalStatus } from "./interrupts.ts";

export type Attach = {
  readonly stdin: boolean;
  readonly tty: boolean;
  /** what the user calls it */
  readonly machine: string;
};

/** The exit status: the command's own, or 128 + the number of the signal that ended it, or us while it would not end. */
export async function attach(session: ExecSession, context: Context, { stdin, tty, machine }: Attach): Promise<number> {
  const { terminal, interrupts, out, err } = context;
  const left = Promise.withResolvers<SignalName>();
  using _signals = interrupts.forward(
    forwardTo(session, { insistence: new Insistence({ now: context.now, tty }), leave: left.resolve }),
  );
  await using _raw = tty && stdin ? await terminal.rawMode() : undefined;
  using _resize = tty ? terminal.onResize(() => session.resize(terminal.size())) : undefined;
  if (stdin) feed(context, session);
  else session.stdin.end();
  const output = Promise.all([
    pipeline(session.stdout, out.stream, { end: false }),
    // With a terminal there is one stream; what goes wrong with ours for errors concerns nobody else.
    pipeline(session.stderr, err.stream, { end: false }).catch(() => void session.stderr.resume()),
  ]);
  // Output that can not be written ends us: nobody would read what follows.
  const broken = output.then(
    () => new Promise<never>(() => undefined),
    async (error: unknown) => {
      if (!AppError.is(error)) throw outputError(error); // the session's own failures are AppErrors
      await session.ended; // says better why the connection broke
      throw error;
    },
  );
  const ended = session.ended.then(async (end) => {
    await output;
    return end;
  });
  const first = await Promise.race([ended, broken, left.promise]);
  if (typeof first !== "string") return statusOf(first);
  err.line(`banger: gave up waiting for the command; if the guest does not answer, it still runs in ${machine}`);
  return signalStatus(constants.signals[first]);
}

function feed({ terminal }: Context, session: ExecSession): void {
  const { stdin } = terminal;
  // Its end is forwarded; a command that takes no more is no failure.
  pipeline(stdin, session.stdin).catch(() => undefined);
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

function statusOf(end: ExecStatus): number {
  return "status" in end ? end.status : signalStatus(end.signal);
}
