/**
 * Keeps the host in touch with the agent: connects, opens an epoch on each connection, and opens the next one whenever
 * the position in the pipe is lost or nothing comes back. What is sent in an epoch is the multiplexer's business.
 *
 *   connecting ──▶ greeting ──HELLO──▶ open ──lost, stalled──▶ greeting
 *        ▲────────────┴──────pipe ended──┘
 */
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { MalformedError } from "@banger/contract/guest/fields";
import type { Decoded } from "@banger/contract/guest/frame-decoder";
import { type AgentHello, agentHello, decodeHello } from "@banger/contract/guest/hello";
import type { Clock } from "@banger/platform/time/clock";
import { withDeadline } from "@banger/platform/time/deadline";
import { Epochs, greeting } from "./epochs.ts";
import { FramePipe } from "./frame-pipe.ts";
import { protocolBroken } from "./guest-error.ts";
import type { Mux } from "./mux.ts";

/** Makes a connection to the machine's agent port; called again when one has ended. */
export type Connector = (options: { signal: AbortSignal }) => Promise<Duplex>;

export type LinkOptions = {
  readonly connect: Connector;
  readonly clock: Clock;
  /** false once the machine is known to be gone; then nobody connects again */
  readonly alive: () => boolean;
  readonly session: Uint8Array;
  /** `version+commit` of the host */
  readonly build: string;
  readonly mux: Mux;
  /** an epoch is open: called before any frame of it is sent or received. May throw GUEST_PROTOCOL */
  readonly opened: (hello: AgentHello) => void;
  readonly closed: () => void;
  /** the agent owes an acknowledgement, and nothing has come for a while */
  readonly stalled: () => void;
};

const CONNECT_DEADLINE_MS = 10_000;
const RETRY_FIRST_MS = 10;
const RETRY_MAX_MS = 1_000;
/** how often a link that waits for something looks whether it came */
const WATCH_MS = 1_000;
/** looks without an answer before a HELLO is sent again: 2, 4, 8, 8 … */
const FIRST_PATIENCE = 2;
const MAX_PATIENCE = 8;
/** looks without any frame while the agent owes an acknowledgement, before an epoch is opened */
const STALL_LOOKS = 5;
/** epochs in a row in which nothing new was learnt */
const MAX_FRUITLESS = 32;

/** one for all, because making one for each command costs more than the watch */
const OVER = new AppError("CANCELLED", "the link is not watched any more");

export class Link {
  readonly #options: LinkOptions;
  readonly #epochs: Epochs;
  #pipe: FramePipe | undefined;
  #open = false;
  #fruitless = 0;
  #frames = 0;
  #watching: AbortController | undefined;
  #missed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#epochs = new Epochs(() => options.clock.now());
  }

  get open(): boolean {
    return this.#open;
  }

  /** Nothing new has come from the agent for some seconds, though it was asked: frames that tell nothing are no answer. */
  get missed(): boolean {
    return this.#missed;
  }

  /** There may be something to send. */
  wake(): void {
    this.#pipe?.wake();
    if (this.#open && this.#owed()) this.#watch();
  }

  /** Opens a new epoch in the present connection, if there is one. */
  reopen(): void {
    if (this.#pipe) this.#greet(this.#pipe);
  }

  /** Sends and hears nothing more on the present connection. */
  hangUp(): void {
    this.#pipe?.destroy();
  }

  /** Runs until the signal is aborted or the machine is gone. Throws the reason why the channel is at its end. */
  async run(signal: AbortSignal): Promise<never> {
    for (let attempt = 0; ; attempt++) {
      signal.throwIfAborted();
      if (!this.#options.alive()) throw new AppError("VMM_DIED", "the machine ended, and its agent with it");
      const duplex = await this.#connect(signal);
      if (duplex) {
        const before = this.#frames;
        await this.#serve(duplex, signal);
        if (this.#frames > before) attempt = -1;
      }
      if (attempt < 0) continue;
      await this.#options.clock.sleep(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** attempt), { signal });
    }
  }

  async #connect(signal: AbortSignal): Promise<Duplex | undefined> {
    try {
      const what = "the connection to the guest's agent";
      return await withDeadline((inner) => this.#options.connect({ signal: inner }), {
        signal,
        ms: CONNECT_DEADLINE_MS,
        what,
      });
    } catch {
      // the port is not there yet, or not any more; which one, `alive` tells before the next try
      signal.throwIfAborted();
      return undefined;
    }
  }

  async #serve(duplex: Duplex, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const pipe = new FramePipe(duplex, {
      decoded: (decoded) => this.#decoded(decoded),
      next: () => (this.#open ? this.#options.mux.next() : undefined),
      ended: resolve,
      failed: reject,
    });
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    this.#pipe = pipe;
    try {
      this.#greet(pipe);
      await promise;
    } finally {
      signal.removeEventListener("abort", onAbort);
      this.#pipe = undefined;
      this.#close();
      this.#watching?.abort(OVER);
      pipe.destroy();
    }
  }

  #greet(pipe: FramePipe): void {
    this.#close();
    const { session, build } = this.#options;
    pipe.greet(greeting({ epoch: this.#epochs.open(), session, build }));
    this.#watch();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#options.closed();
  }

  #decoded(decoded: Decoded): void {
    const pipe = this.#pipe;
    if (!pipe) return;
    if (decoded.kind === "hello") this.#hello(pipe, decoded.payload);
    else if (decoded.kind === "lost") this.#again(pipe);
    else this.#frame(pipe, decoded);
  }

  #frame(pipe: FramePipe, { head, parts }: Extract<Decoded, { kind: "frame" }>): void {
    const { mux } = this.#options;
    const before = mux.progress;
    this.#frames++;
    if (mux.receive(head, parts) === "gap") this.#again(pipe);
    if (mux.progress === before) return;
    this.#fruitless = 0;
    this.#missed = false;
  }

  /** The position is lost, or our epoch was refused. */
  #again(pipe: FramePipe): void {
    this.#fruitless++;
    if (this.#fruitless > MAX_FRUITLESS) throw protocolBroken(`${this.#fruitless} epochs in a row came to nothing`);
    this.#greet(pipe);
  }

  #hello(pipe: FramePipe, payload: Uint8Array): void {
    if (this.#open) return;
    let hello: AgentHello;
    try {
      hello = decodeHello(agentHello, payload);
    } catch (error) {
      if (error instanceof MalformedError) throw protocolBroken(error.message, error);
      throw error;
    }
    // anything else is of an earlier life of the pipe
    if (hello.epoch !== this.#epochs.current || !Buffer.from(hello.session).equals(this.#options.session)) return;
    if (hello.refused !== undefined) {
      this.#epochs.refused(hello.refused);
      this.#again(pipe);
      return;
    }
    this.#options.opened(hello);
    this.#open = true;
    this.#missed = false;
    pipe.enter(this.#epochs.current);
  }

  #owed(): boolean {
    return this.#options.mux.control.send.unacknowledged > 0;
  }

  /** Sends HELLO again while none is answered, and opens an epoch when the agent stops to acknowledge. */
  #watch(): void {
    if (this.#watching && !this.#watching.signal.aborted) return;
    this.#watching = new AbortController();
    void this.#look(this.#watching);
  }

  async #look(watching: AbortController): Promise<void> {
    const { signal } = watching;
    let frames = this.#frames;
    let looks = 0;
    const { mux } = this.#options;
    let { progress } = mux;
    let quiet = 0;
    let patience = FIRST_PATIENCE;
    try {
      while (this.#pipe && (!this.#open || this.#owed())) {
        await this.#options.clock.sleep(WATCH_MS, { signal });
        const { flushed } = this.#pipe;
        looks = this.#frames === frames ? looks + 1 : 0;
        frames = this.#frames;
        quiet = mux.progress === progress ? quiet + 1 : 0;
        progress = mux.progress;
        if (quiet === STALL_LOOKS) this.#missed = true;
        if (this.#open && looks === STALL_LOOKS) this.#options.stalled();
        // what still waits to be written can not have been lost, and nobody has read it
        if (!flushed || looks < (this.#open ? STALL_LOOKS : patience)) continue;
        looks = 0;
        if (!this.#open) patience = Math.min(MAX_PATIENCE, patience * 2);
        this.#greet(this.#pipe);
      }
    } catch {
      // only the clock throws, with the reason of a link that was closed
    } finally {
      watching.abort(OVER);
    }
  }
}
