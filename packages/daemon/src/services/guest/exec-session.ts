/**
 * One command in the guest, followed over reconnects and restarts of the daemon. Its id is made by the host, so asking
 * again joins it and never runs it twice; its status is kept by the agent until it is released.
 */
import { Readable, type Writable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { ERRNO } from "@banger/contract/guest/errno";
import { type AnswerFields, type EventFields, EXEC_FLAG, SIGNAL_SCOPE } from "@banger/contract/guest/messages";
import { raceAbort } from "@banger/platform/time/deadline";
import type { GuestChannel } from "./guest-channel.ts";
import { protocolBroken, type Waiting, withGuestDeadline } from "./guest-error.ts";
import type { GuestStream } from "./guest-stream.ts";
import { WINDOW_BYTES } from "./receive-half.ts";
import { type Held, separateEnds } from "./stream-ends.ts";

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

export type Pieces = () => AsyncIterable<Buffer>;

async function* none(): AsyncGenerator<Buffer, undefined> {
  // with a TTY there is one output only
}

export type ExecExit = { readonly status: number } | { readonly signal: number };

/** What goes with a request to start or join. */
export type ExecWaiting = Waiting & { readonly consumed?: Consumed | undefined };

export class ExecSession {
  readonly id: string;
  /** without stdin in the specification, what is written waits for ever */
  readonly stdin: Writable;
  /** with a TTY, everything; what is read is acknowledged at once */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Instead of the above, for one who must not lose a byte: a piece is acknowledged when the next one is asked for. */
  readonly pieces: { readonly stdout: Pieces; readonly stderr: Pieces };
  /** The same for one who acknowledges himself, when whoever gets the bytes has them. */
  readonly held: { readonly stdout: () => Held; readonly stderr: () => Held };
  /** settles once: with what the command ended with, or the reason why that will never be known */
  readonly exit: Promise<ExecExit>;
  /** whether it was running before it was asked for */
  readonly joined: boolean;
  readonly pid: number | undefined;
  readonly #channel: GuestChannel;
  readonly #begun: Begun;
  /** called when the command has taken more of its input, and when it is known how much it had before */
  inputTaken: () => void = () => undefined;
  readonly #inputKnown = Promise.withResolvers<void>();
  #released = false;

  private constructor(channel: GuestChannel, id: string, begun: Begun) {
    this.id = id;
    this.#channel = channel;
    this.#begun = begun;
    this.exit = begun.exit;
    this.joined = begun.answer.joined === 1;
    this.pid = begun.answer.pid;
    const { mux } = channel;
    const allRead = () => this.#forgetRead();
    const out = separateEnds({ mux, stream: begun.out }, { allRead });
    this.stdin = out.writable;
    this.stdout = out.readable;
    const err = begun.err && separateEnds({ mux, stream: begun.err }, { allRead });
    this.stderr = err?.readable ?? Readable.from([]);
    this.pieces = { stdout: out.pieces, stderr: err?.pieces ?? none };
    this.held = { stdout: out.held, stderr: err?.held ?? (() => ({ pieces: none(), consumed: () => undefined })) };
    out.onTaken(() => this.#onInput());
    // nobody takes what is written to a command that has ended
    begun.exit.then(out.discardWrites, out.discardWrites);
  }

  /** Starts a command, or joins it if the agent knows its id. */
  static async start(channel: GuestChannel, spec: ExecSpec, waiting: ExecWaiting): Promise<ExecSession> {
    try {
      return new ExecSession(channel, spec.id, await begin(channel, spec, waiting));
    } catch (error) {
      throw explainRefusal(error, spec);
    }
  }

  /** Joins a command that was started before. EXEC_NOT_FOUND if the agent does not know it. */
  static async join(channel: GuestChannel, id: string, waiting: ExecWaiting & { tty?: boolean }): Promise<ExecSession> {
    const { exec } = await channel.request("execs", {}, waiting);
    if (!exec.some((one) => one.id.equals(id))) throw new AppError("EXEC_NOT_FOUND", `the guest has no command ${id}`);
    // without arguments the agent can only join
    const spec = { id, argv: [], stdin: true, tty: waiting.tty ? { rows: 0, columns: 0 } : undefined };
    return new ExecSession(channel, id, await begin(channel, spec, waiting));
  }

  /** Bytes that were acknowledged so far; give them to the daemon that comes after this one. */
  get consumed(): Consumed {
    const { out, err } = this.#begun;
    return { stdout: out.receive.consumed, stderr: err?.receive.consumed ?? 0 };
  }

  /** How much of its input was given to the session, and how much of that the guest has: absolute offsets. */
  get input(): { readonly given: number; readonly taken: number } {
    const { send } = this.#begun.out;
    return { given: send.end, taken: send.acknowledged };
  }

  /** Of a command that was joined: resolves when the guest has told where its input goes on. */
  async inputKnown(waiting: Waiting): Promise<void> {
    if (this.#begun.out.send.synced) return;
    const known = Promise.race([this.#inputKnown.promise, this.exit]);
    await withGuestDeadline((signal) => raceAbort(known, signal), { ...waiting, what: `EXEC of ${this.id}` });
  }

  #onInput(): void {
    if (this.#begun.out.send.synced) this.#inputKnown.resolve();
    this.inputTaken();
  }

  async resize(size: { rows: number; columns: number }, waiting: Waiting): Promise<void> {
    await this.#channel.request("resize", { id: this.id, ...size }, { ...waiting, what: `RESIZE of ${this.id}` });
  }

  async signal(signal: number, waiting: Waiting & { scope?: keyof typeof SIGNAL_SCOPE }): Promise<void> {
    const scope = SIGNAL_SCOPE[waiting.scope ?? "foreground"];
    await this.#channel.request("signal", { id: this.id, signal, scope }, { ...waiting, what: `SIGNAL to ${this.id}` });
  }

  /** The exit was stored: the agent may forget the command. Output that was not read yet can still be. */
  async release(waiting: Waiting): Promise<void> {
    await this.#channel.request("release", { id: this.id }, { ...waiting, what: `RELEASE of ${this.id}` });
    this.#begun.unsubscribe();
    this.#released = true;
    for (const stream of all(this.#begun)) {
      stream.receive.releaseEnd();
      this.#channel.mux.touch(stream);
    }
    this.#forgetRead();
  }

  #forgetRead(): void {
    if (!this.#released) return;
    const { out, err } = this.#begun;
    for (const stream of [out, err]) {
      if (!stream?.receive.ended) continue;
      stream.send.abandon();
      this.#channel.mux.forget(stream);
    }
  }
}

type Begun = {
  readonly out: GuestStream;
  /** none with a TTY */
  readonly err: GuestStream | undefined;
  readonly exit: Promise<ExecExit>;
  readonly answer: AnswerFields<"exec">;
  readonly unsubscribe: () => void;
};

async function begin(channel: GuestChannel, spec: ExecSpec, waiting: ExecWaiting): Promise<Begun> {
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
      streams: all(streams),
    };
    const answer = await channel.request("exec", execFields(spec, streams.out.id), options);
    return { ...streams, exit: outcome.promise, answer, unsubscribe };
  } catch (error) {
    unsubscribe();
    for (const stream of all(streams)) channel.mux.forget(stream);
    throw error;
  }
}

type Streams = { out: GuestStream; err: GuestStream | undefined };

function all({ out, err }: Streams): GuestStream[] {
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
  for (const unused of all(streams)) channel.mux.forget(unused);
  const { stdout = 0, stderr = 0 } = waiting.consumed ?? {};
  const old = { adopt: true, durable: true };
  streams.out = channel.addStream({ ...old, id, use: "both", from: Math.max(stdout, stdoutFrom) });
  if (streams.err) {
    streams.err = channel.addStream({ ...old, id: id + 1, use: "receive", from: Math.max(stderr, stderrFrom) });
  }
  // the agent is silent on them until it hears how far this host has read
  for (const stream of all(streams)) channel.mux.announce(stream);
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
  await channel.request("exec", fields, { what: `EXEC of ${id}`, answered, streams: all(streams) });
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

/** Shells tell apart a command that is not there and one that can not be run; so do we. */
function explainRefusal(error: unknown, spec: ExecSpec): unknown {
  if (!AppError.is(error, "GUEST_REFUSED")) return error;
  const { errno, reason = "" } = error.facts;
  const message = `${JSON.stringify(spec.argv[0] ?? "")} can not be run: ${reason}`;
  const { facts } = error;
  if (errno === ERRNO.noEntry) return new AppError("COMMAND_NOT_FOUND", message, { facts });
  if (errno === ERRNO.notDirectory || errno === ERRNO.invalid) {
    const hint = "Check the directory and the user that it is to run with.";
    return new AppError("COMMAND_NOT_EXECUTABLE", message, { facts, hint });
  }
  if (errno === ERRNO.access || errno === ERRNO.noExec)
    return new AppError("COMMAND_NOT_EXECUTABLE", message, { facts });
  return error;
}
