/**
 * One command in the guest, followed over reconnects and restarts of the daemon. Its id is made by the host, so asking
 * again joins it and never runs it twice; its status is kept by the agent until it is released.
 */
import { Readable, type Writable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { SIGNAL_SCOPE } from "@banger/contract/guest/messages";
import { raceAbort } from "@banger/platform/time/deadline";
import type { GuestChannel } from "./channel/guest-channel.ts";
import { type Waiting, withGuestDeadline } from "./channel/guest-error.ts";
import { type Held, separateEnds } from "./channel/stream-ends.ts";
import {
  type Begun,
  begin,
  type Consumed,
  type ExecExit,
  type ExecSpec,
  type ExecWaiting,
  explainRefusal,
  streamsOf,
} from "./exec-begin.ts";

export type Pieces = () => AsyncIterable<Buffer>;

async function* none(): AsyncGenerator<Buffer, undefined> {
  // with a TTY there is one output only
}

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

  /** Of a command that was joined: resolves when the guest has told where its input goes on, if it has any. */
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
    for (const stream of streamsOf(this.#begun)) {
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
