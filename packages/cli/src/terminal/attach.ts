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
import { type SignalName, signalStatus } from "./interrupts.ts";

export type Attach = { readonly stdin: boolean; readonly tty: boolean };

/** a second Ctrl-C within this time ends the command, whatever it does with the first, `ms` */
const INSIST_MS = 1_000;

/** The exit status: the command's own, or 128 + the number of the signal that ended it. */
export async function attach(session: ExecSession, context: Context, { stdin, tty }: Attach): Promise<number> {
  const { terminal, interrupts, out, err } = context;
  using _signals = interrupts.forward(forwardTo(session, context.now));
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
  const ended = await Promise.race([session.ended, broken]);
  await output;
  return statusOf(ended);
}

function feed({ terminal }: Context, session: ExecSession): void {
  const { stdin } = terminal;
  // Its end is forwarded; a command that takes no more is no failure.
  pipeline(stdin, session.stdin).catch(() => undefined);
}

function forwardTo(session: ExecSession, now: () => number): (name: SignalName) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (name) => {
    const insists = name === "SIGINT" && now() - last < INSIST_MS;
    if (name === "SIGINT") last = now();
    session.signal(constants.signals[insists ? "SIGKILL" : name]);
  };
}

function statusOf(end: ExecStatus): number {
  return "status" in end ? end.status : signalStatus(end.signal);
}
