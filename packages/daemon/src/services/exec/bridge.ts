/**
 * Joins a client's connection and a command in the guest: stdin, stdout, stderr, and a control stream.
 *
 * A client that goes away hangs the command up, unless it has said that it leaves it running. A daemon that goes away
 * leaves it to the next one.
 */
import type { ExecEnd } from "@banger/contract/daemon/exec";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import type { Mux } from "@banger/platform/rpc/mux";
import { withDeadline } from "@banger/platform/time/deadline";
import type { Consumed } from "../guest/exec-begin.ts";
import type { ExecSession } from "../guest/exec-session.ts";
import { errorView } from "../operation/error-view.ts";
import { feed, obey, tellTaken } from "./client-input.ts";
import { ClientOutput, leftToOthers } from "./client-output.ts";

const SIGHUP = 1;
const SIGKILL = 9;
/** what a command may take to end after it was hung up, `ms` */
const HANGUP_MS = 2_000;
const GUEST_MS = 10_000;

/** What goes on without the client: where each output continues, and the output. */
export type LeftRunning = {
  readonly from: Consumed;
  readonly stdout: AsyncIterable<Buffer>;
  readonly stderr: AsyncIterable<Buffer>;
};

export type BridgeOptions = {
  readonly tty: boolean;
  /** aborts when the daemon goes */
  readonly leaving: AbortSignal;
  /** why the end of the command will never be known, from how that was seen */
  readonly whyCut: (seen: unknown) => Promise<unknown>;
  /** keeps a command that the client leaves running; resolves when it is safe to go */
  readonly keep: (left: LeftRunning) => Promise<void>;
};

/** `kept`: it goes on in the background; `left`: it is the next daemon's. */
export async function bridge(
  session: ExecSession,
  mux: Mux,
  options: BridgeOptions,
): Promise<"ended" | "kept" | "left"> {
  const detach = new AbortController();
  const signal = AbortSignal.any([detach.signal, options.leaving]);
  const control = mux.stream(execStreams.control);
  const { stdout, stderr } = outputs(session, mux, { keeps: options.tty });
  void feed(mux.stream(execStreams.stdin), session.stdin);
  tellTaken(session, control);
  const unheard = Promise.withResolvers<AppError>();
  void obey(control, session, {
    detach: () => detach.abort(leftToOthers("the client leaves it running")),
    unheard: unheard.resolve,
  });
  const outputsEnded = Promise.all([stdout.run(signal), stderr.run(signal)]);
  const ended = outputsEnded.then(() => endOf(session, options.whyCut));
  const gone = mux.closed.catch(() => undefined).then(() => undefined);
  const first = await Promise.race([ended, gone, unheard.promise]).catch(() => "left" as const);
  session.inputTaken = () => undefined;
  if (AppError.is(first)) {
    mux.stream(execStreams.control).end(`${JSON.stringify({ error: errorView(await options.whyCut(first)) })}\n`);
    await mux.close();
    await hangUp(session);
    return "ended";
  }
  if (first === undefined && !options.leaving.aborted) {
    await hangUp(session);
    return "ended";
  }
  if (first !== "left" && first !== undefined) {
    await tellEnd(session, mux, { end: first, outputs: [stdout, stderr] });
    return "ended";
  }
  if (options.leaving.aborted) {
    mux.destroy(leftToOthers("the daemon goes"));
    return "left";
  }
  const from = { stdout: stdout.restFrom, stderr: stderr.restFrom };
  await options.keep({ from, stdout: stdout.rest(), stderr: stderr.rest() });
  control.end(`${JSON.stringify({ detached: true })}\n`);
  await mux.close();
  return "kept";
}

function outputs(session: ExecSession, mux: Mux, { keeps }: { keeps: boolean }) {
  const { held, consumed } = session;
  const to = (name: "stdout" | "stderr") =>
    new ClientOutput(held[name](), mux.stream(execStreams[name]), { from: consumed[name], keeps });
  return { stdout: to("stdout"), stderr: to("stderr") };
}

/** The guest forgets the command when its client knows how it ended, and not before. */
async function tellEnd(
  session: ExecSession,
  mux: Mux,
  { end, outputs }: { end: ExecEnd; outputs: readonly ClientOutput[] },
): Promise<void> {
  mux.stream(execStreams.control).end(`${JSON.stringify(end)}\n`);
  await mux.close();
  for (const output of outputs) output.allTaken();
  // A machine that is gone keeps nothing.
  await session.release({ deadlineMs: GUEST_MS }).catch(() => undefined);
}

async function endOf(session: ExecSession, whyCut: BridgeOptions["whyCut"]): Promise<ExecEnd> {
  try {
    return await session.exit;
  } catch (error) {
    return { error: errorView(await whyCut(error)) };
  }
}

/** SIGHUP to all of it, a while to end, then SIGKILL: what its client has left must not run on unseen. */
export async function hangUp(session: ExecSession): Promise<void> {
  const everything = { deadlineMs: GUEST_MS, scope: "everything" } as const;
  for (const stream of [session.stdout, session.stderr]) stream.destroy();
  try {
    await session.signal(SIGHUP, everything);
    await withDeadline(() => session.exit, { ms: HANGUP_MS, what: "a command to hang up" });
  } catch (error) {
    if (AppError.is(error, "TIMEOUT")) await session.signal(SIGKILL, everything).catch(() => undefined);
  }
  // A machine or a command that is gone has nothing left to hang up or to release.
  await session.exit.then(() => session.release({ deadlineMs: GUEST_MS })).catch(() => undefined);
}
