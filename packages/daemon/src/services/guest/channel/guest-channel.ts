/**
 * The host's end of the agent protocol for one machine: a session that outlives connections, over which verbs are
 * requested and streams are opened. The guest is hostile: whatever breaks the protocol ends the channel, and what a
 * guest says is believed about itself only.
 */
import { AppError } from "@banger/contract/errors";
import { ERRNO } from "@banger/contract/guest/errno";
import type { AgentHello } from "@banger/contract/guest/hello";
import type { AnswerFields, GuestVerb, RequestFields } from "@banger/contract/guest/messages";
import { type Clock, systemClock } from "@banger/platform/time/clock";
import { raceAbort } from "@banger/platform/time/deadline";
import { type AgentFacts, judgeHello } from "./agent-facts.ts";
import { ControlMessages } from "./control-messages.ts";
import { protocolBroken, type Waiting, withGuestDeadline } from "./guest-error.ts";
import type { GuestStream } from "./guest-stream.ts";
import { type Connector, Link } from "./link.ts";
import { type ChannelListener, Listeners } from "./listeners.ts";
import { Mux } from "./mux.ts";
import { ReceiveHalf, WINDOW_BYTES } from "./receive-half.ts";
import { SendHalf } from "./send-half.ts";

export type GuestChannelOptions = {
  readonly connect: Connector;
  /** 16 random bytes, new for each life of the daemon and each machine */
  readonly session: Uint8Array;
  /** `version+commit` of this host */
  readonly build: string;
  readonly alive?: () => boolean;
  readonly clock?: Clock;
};

export type RequestOptions<V extends GuestVerb> = {
  /** for messages: `EXEC of "make"` */
  readonly what?: string;
  /** called with the answer before anything that the guest sent behind it is looked at */
  readonly answered?: (fields: AnswerFields<V>) => void;
  /** streams that this request makes known to the agent */
  readonly streams?: readonly GuestStream[];
};

export type StreamUse = {
  /** halves that are not used have ended from the start */
  readonly use: "send" | "receive" | "both";
  /** lives on when the agent has lost the session, but not the command that it belongs to */
  readonly durable: boolean;
  /** bytes that either half may have under way */
  readonly window?: number | undefined;
};

/** how long an acknowledgement that the agent does not need may wait for something that is sent anyway, `ms` */
const LINGER_MS = 20;

/** more in a minute can only be an agent that plays: it makes us begin again each time */
const MAX_RESTARTS = 32;
const MINUTE_MS = 60_000;

/** the largest number whose odd neighbour is one, too */
const MAX_STREAM = 0xffff_fffc;

export type GuestCall<V extends GuestVerb> = {
  readonly answer: Promise<AnswerFields<V>>;
  abandon(): void;
};

export class GuestChannel implements AsyncDisposable {
  readonly mux: Mux;
  readonly #messages: ControlMessages;
  readonly #link: Link;
  readonly #listeners = new Listeners();
  readonly #stop = new AbortController();
  #facts: AgentFacts | undefined;
  #nextStream = 2;
  /** until it resolves nothing is asked but what is `ahead` */
  #held: Promise<void> | undefined;
  /** when the agent began anew, in the last minute, `ms` */
  #restarts: readonly number[] = [];
  readonly #clock: Clock;
  /** why it is over */
  #end: AppError | undefined;

  private constructor(options: GuestChannelOptions) {
    const { clock = systemClock, alive = () => true, connect, session, build } = options;
    this.#clock = clock;
    const { signal } = this.#stop;
    // a channel that is over owes nobody anything
    const linger = (over: () => void) => void clock.sleep(LINGER_MS, { signal }).then(over, () => undefined);
    this.mux = new Mux(() => this.#link.wake(), { linger });
    this.#messages = new ControlMessages({
      control: () => this.mux.control,
      touch: () => this.mux.touch(this.mux.control),
      events: {
        exited: (event) => this.#listeners.tell((listener) => listener.exited?.(event)),
        ports: (event) => this.#listeners.tell((listener) => listener.ports?.(event)),
        init: (event) => this.#listeners.tell((listener) => listener.init?.(event)),
      },
    });
    this.mux.control.events = {
      readable: () => this.#messages.read(),
      room: () => this.#messages.flush(),
      dead: () => undefined,
    };
    const opened = (hello: AgentHello) => this.#opened(hello);
    const stalled = () => this.#listeners.tell((listener) => listener.stalled?.());
    const told = { opened, closed: () => undefined, stalled };
    this.#link = new Link({ connect, session, build, clock, alive, mux: this.mux, ...told });
  }

  /** Begins to connect at once, and goes on until the channel is destroyed, the machine ends, or the guest misbehaves. */
  static open(options: GuestChannelOptions): GuestChannel {
    const channel = new GuestChannel(options);
    channel.#link.run(channel.#stop.signal).catch((error: unknown) => channel.destroy(error));
    return channel;
  }

  /** What the agent last said about itself. */
  get facts(): AgentFacts | undefined {
    return this.#facts;
  }
  get isOpen(): boolean {
    return this.#link.open;
  }
  /** Whether the agent was asked something and has said nothing for some seconds. */
  get isMissed(): boolean {
    return this.#link.missed;
  }
  /** Why the channel is over, once it is. */
  get error(): AppError | undefined {
    return this.#end;
  }

  /** Resolves when the agent has answered HELLO on the present connection. */
  async ready(waiting: Waiting): Promise<AgentFacts> {
    const { promise, resolve, reject } = Promise.withResolvers<AgentFacts>();
    const unsubscribe = this.subscribe({ opened: resolve, ended: reject });
    if (this.#end) reject(this.#end);
    else if (this.#link.open && this.#facts) resolve(this.#facts);
    try {
      return await withGuestDeadline((signal) => raceAbort(promise, signal), { ...waiting, what: "HELLO" });
    } finally {
      unsubscribe();
    }
  }

  subscribe(listener: ChannelListener): () => void {
    return this.#listeners.add(listener);
  }

  /** Asks, and waits for the answer across reconnects. GUEST_REFUSED if the agent says no, GUEST_SILENT if nothing. */
  async request<V extends GuestVerb>(
    verb: V,
    fields: RequestFields<V>,
    options: RequestOptions<V> & Waiting,
  ): Promise<AnswerFields<V>> {
    options.signal?.throwIfAborted();
    if (this.#held !== undefined) await this.#admitted(options);
    const what = options.what ?? verb.toUpperCase();
    const call = this.begin(verb, fields, options);
    try {
      return await withGuestDeadline((signal) => raceAbort(call.answer, signal), { ...options, what });
    } catch (error) {
      call.abandon();
      throw error;
    }
  }

  /** Asks without a deadline, for transfers that have one for each step; `abandon` when nobody waits any more. */
  begin<V extends GuestVerb>(verb: V, fields: RequestFields<V>, options: RequestOptions<V>): GuestCall<V> {
    if (this.#end) throw this.#end;
    const { what = verb.toUpperCase(), answered, streams = [] } = options;
    const { number, sentAt, answer } = this.#messages.send(verb, { fields, what, answered });
    for (const stream of streams) {
      stream.knownAfter = sentAt;
      this.mux.touch(stream);
    }
    const abandon = () => {
      if (this.#messages.abandon(number) && !this.#end) this.#cancel(number);
    };
    answer.catch(() => undefined); // those who wait hear it; with nobody waiting it is no event
    return { answer, abandon };
  }

  #cancel(number: number): void {
    // whether the agent could still cancel it changes nothing for those who have stopped waiting
    this.begin("cancel", { request: number }, {});
  }

  /** A stream with a number of its own; known to the agent by a request that names it. */
  async openStream(waiting: Waiting & Partial<StreamUse>): Promise<GuestStream> {
    if (this.#held !== undefined) await this.#admitted(waiting);
    if (!this.#facts) await this.ready(waiting);
    const id = this.#nextStream;
    if (id > MAX_STREAM) throw protocolBroken("it has used up its stream numbers");
    this.#nextStream += 2;
    const { use = "both", durable = false, window } = waiting;
    return this.addStream({ id, use, durable, window });
  }

  /** A stream whose number is known: `stderr` of a command, or one that an earlier session opened. */
  addStream(options: StreamUse & { id: number; from?: number; adopt?: boolean }): GuestStream {
    const { id, use, durable, from = 0, adopt = false, window = WINDOW_BYTES } = options;
    const send = new SendHalf({ unused: use === "receive", capacity: window });
    if (adopt) send.adopt();
    const receive = new ReceiveHalf({ window, from, unused: use === "send", holdEnd: durable });
    return this.mux.open({ id, send, receive, durable, knownAfter: adopt ? 0 : Number.POSITIVE_INFINITY });
  }

  /** Ends a stream that its owner has done with before its end. */
  dropStream(stream: GuestStream): void {
    this.mux.reset(stream, ERRNO.canceled);
  }

  /** What is asked meanwhile waits, unless it is `ahead`: an agent that is replaced cancels what it is doing for the host. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const over = Promise.withResolvers<void>();
    this.#held = over.promise;
    try {
      return await work();
    } finally {
      this.#held = undefined;
      over.resolve();
    }
  }

  async #admitted(waiting: Waiting): Promise<void> {
    while (this.#held !== undefined && waiting.ahead !== true) {
      const held = this.#held;
      await withGuestDeadline((signal) => raceAbort(held, signal), { ...waiting, what: "UPGRADE" });
    }
  }

  /** Opens a new epoch: after the agent has replaced itself, say. */
  reopen(): void {
    this.#link.reopen();
  }

  /** Over: every request and stream ends with the reason. Repeats do nothing. */
  destroy(reason: unknown): void {
    if (this.#end) return;
    const error = AppError.is(reason)
      ? reason
      : new AppError("CANCELLED", "the channel to the guest was closed", { cause: reason });
    this.#end = error;
    this.#stop.abort(error);
    this.#link.hangUp();
    this.#messages.restart(error);
    this.mux.end(error);
    this.#listeners.tell((listener) => listener.ended?.(error));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.destroy(undefined);
  }

  #opened(hello: AgentHello): void {
    const { facts, resumed, nextStream } = judgeHello(hello);
    const before = this.#facts;
    if (resumed && before && before.boot !== facts.boot) throw protocolBroken("it resumes a session of another boot");
    this.#facts = facts;
    this.#nextStream = Math.max(this.#nextStream, nextStream);
    if (resumed) this.mux.resume();
    else if (before) this.#restart(before.boot === facts.boot);
    this.#listeners.tell((listener) => listener.opened?.(facts));
  }

  #restart(sameBoot: boolean): void {
    const now = this.#clock.monotonic();
    this.#restarts = [...this.#restarts, now].filter((at) => at > now - MINUTE_MS);
    if (this.#restarts.length > MAX_RESTARTS)
      throw protocolBroken(`it began anew ${MAX_RESTARTS + 1} times in a minute`);
    const error = new AppError("GUEST_SILENT", "the guest's agent began anew and has forgotten what it was asked");
    this.#messages.restart(error);
    this.mux.restart(error);
    if (!sameBoot) this.mux.end(error);
    this.#listeners.tell((listener) => listener.restarted?.({ sameBoot, error }));
  }
}
