/**
 * How a command in the guest is started or joined: the streams that it is given, the request, and what its answer changes.
 * Asking again joins and never runs anything twice, because the command's id is made by the host.
 */
import { AppError } from "@banger/contract/errors";
import { ERRNO } from "@banger/contract/guest/errno";
import { type AnswerFields, type EventFields, EXEC_FLAG } from "@banger/contract/guest/messages";
import type { GuestChannel } from "./channel/guest-channel.ts";
import { protocolBroken, type Waiting } from "./channel/guest-error.ts";
import type { GuestStream } from "./channel/guest-stream.ts";
import { WINDOW_BYTES } from "./channel/receive-half.ts";

export type ExecSpec = {
  /** 1 to 32 of `0-9a-z`, made by the host, never used for two commands */
  readonly id: string;
  readonly argv: readonly string[];
  /** `K=V`, besides the machine's */
  readonly environment?: readonly string[] | undefined;
  /** takes nothing of the machine's environment */
  readonly emptyEnvironment?: boolean | undefined;
  readonly cwd?: string | undefined;
  /** `name`, `uid`, or either with `:group` */
  readonly user?: string | undefined;
  readonly tty?: { readonly rows: number; readonly columns: number } | undefined;
  /** whether anything will be written to it; without, it is /dev/null */
  readonly stdin?: boolean | undefined;
};

/** Bytes that were taken before, by an earlier daemon: output goes on behind them. */
export type Consumed = { readonly stdout: number; readonly stderr: number };

export type ExecExit = { readonly status: number } | { readonly signal: number };

/** What goes with a request to start or join. */
export type ExecWaiting = Waiting & { readonly consumed?: Consumed | undefined };

export type Begun = {
  readonly out: GuestStream;
  /** none with a TTY */
  readonly err: GuestStream | undefined;
  readonly exit: Promise<ExecExit>;
  readonly answer: AnswerFields<"exec">;
  readonly unsubscribe: () => void;
};

export async function begin(channel: GuestChannel, spec: ExecSpec, waiting: ExecWaiting): Promise<Begun> {
  const streams = await openStreams(channel, spec, waiting);
  const outcome = Promise.withResolvers<ExecExit>();
  outcome.promise.catch(() => undefined); // told to those who wait for the exit
  const unsubscribe = channel.subscribe({
    exited: (event) => event.id.equals(spec.id) && settle(event, outcome),
    ended: outcome.reject,
    restarted: ({ sameBoot, error }) => {
      if (sameBoot) rejoin(channel, spec.id, streams).catch(outcome.reject);
      else outcome.reject(error);
    },
  });
  try {
    const options = {
      ...waiting,
      what: `EXEC of ${spec.id}`,
      answered: (answer: AnswerFields<"exec">) => adopt(channel, streams, { answer, waiting }),
      streams: streamsOf(streams),
    };
    const answer = await channel.request("exec", execFields(spec, streams.out.id), options);
    return { ...streams, exit: outcome.promise, answer, unsubscribe };
  } catch (error) {
    unsubscribe();
    for (const stream of streamsOf(streams)) channel.mux.forget(stream);
    throw error;
  }
}

export type Streams = { out: GuestStream; err: GuestStream | undefined };

export function streamsOf({ out, err }: Streams): GuestStream[] {
  return err ? [out, err] : [out];
}

async function openStreams(channel: GuestChannel, spec: ExecSpec, waiting: Waiting): Promise<Streams> {
  const out = await channel.openStream({ ...waiting, use: spec.stdin ? "both" : "receive", durable: true });
  const err = spec.tty ? undefined : channel.addStream({ id: out.id + 1, use: "receive", durable: true });
  return { out, err };
}

/** When the agent knew the command, its streams are those that an earlier session opened, and go on where that was. */
function adopt(
  channel: GuestChannel,
  streams: Streams,
  options: { answer: AnswerFields<"exec">; waiting: ExecWaiting },
): void {
  const { answer, waiting } = options;
  const { stream: id = streams.out.id, stdoutFrom = 0, stderrFrom = 0 } = answer;
  if (id === streams.out.id) return;
  if (id < 2 || id % 2 !== 0 || channel.mux.stream(id) || channel.mux.stream(id + 1)) {
    throw protocolBroken(`it joined a command on stream ${id}`);
  }
  for (const unused of streamsOf(streams)) channel.mux.forget(unused);
  const { stdout = 0, stderr = 0 } = waiting.consumed ?? {};
  const old = { adopt: true, durable: true };
  streams.out = channel.addStream({ ...old, id, use: "both", from: Math.max(stdout, stdoutFrom) });
  if (streams.err) {
    streams.err = channel.addStream({ ...old, id: id + 1, use: "receive", from: Math.max(stderr, stderrFrom) });
  }
  // the agent is silent on them until it hears how far this host has read
  for (const stream of streamsOf(streams)) channel.mux.announce(stream);
}

function settle(event: EventFields<"exited">, outcome: PromiseWithResolvers<ExecExit>): void {
  if (event.signal !== undefined) outcome.resolve({ signal: event.signal });
  else if (event.status !== undefined) outcome.resolve({ status: event.status });
  else throw protocolBroken("a command ended with neither status nor signal");
}

/** The agent lost the session, but not its commands. Without arguments an EXEC can only join. */
async function rejoin(channel: GuestChannel, id: string, streams: Streams): Promise<void> {
  const { out } = streams;
  const answered = ({ stream }: AnswerFields<"exec">) => {
    if (stream !== undefined && stream !== out.id) throw protocolBroken(`it moved a command to stream ${stream}`);
  };
  const fields = { id, stream: out.id, window: WINDOW_BYTES };
  await channel.request("exec", fields, { what: `EXEC of ${id}`, answered, streams: streamsOf(streams) });
}

function execFields(spec: ExecSpec, stream: number) {
  const { id, argv, environment, cwd, user, tty, stdin = false, emptyEnvironment = false } = spec;
  const flags =
    (tty ? EXEC_FLAG.tty : 0) | (stdin ? EXEC_FLAG.stdin : 0) | (emptyEnvironment ? EXEC_FLAG.emptyEnvironment : 0);
  return {
    ...{ id, stream, window: WINDOW_BYTES, argument: argv, environment, cwd, user, flags },
    ...(tty ? { rows: tty.rows, columns: tty.columns } : {}),
  };
}

function whatToCheck({ cwd, user }: ExecSpec, errno: number): string {
  if (errno === ERRNO.notDirectory && cwd !== undefined)
    return `Check that the machine has a directory ${JSON.stringify(cwd)}.`;
  if (errno === ERRNO.invalid && user !== undefined)
    return `Check that the machine has a user ${JSON.stringify(user)}.`;
  return "Check the directory and the user that it is to run with.";
}

/** Shells tell apart a command that is not there and one that can not be run; so do we. */
export function explainRefusal(error: unknown, spec: ExecSpec): unknown {
  if (!AppError.is(error, "GUEST_REFUSED")) return error;
  const { errno, reason = "" } = error.facts;
  const message = `${JSON.stringify(spec.argv[0] ?? "")} can not be run: ${reason}`;
  const { facts } = error;
  if (errno === ERRNO.noEntry) {
    const isLine = spec.argv.length === 1 && /\s/.test(spec.argv[0] ?? "");
    const hint = "A line for a shell goes to one: sh -c 'LINE'.";
    return new AppError("COMMAND_NOT_FOUND", message, { facts, ...(isLine && { hint }) });
  }
  if (errno === ERRNO.notDirectory || errno === ERRNO.invalid) {
    const hint = whatToCheck(spec, errno);
    return new AppError("COMMAND_NOT_EXECUTABLE", message, { facts, hint });
  }
  if (errno === ERRNO.access || errno === ERRNO.noExec)
    return new AppError("COMMAND_NOT_EXECUTABLE", message, { facts });
  return error;
}
