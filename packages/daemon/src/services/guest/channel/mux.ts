/**
 * Streams over frames (docs/protocol/agent.md §3), for either end: it decides what is sent next and judges what came.
 * It knows nothing of pipes, epochs' numbers or messages, and it does no I/O.
 */
import { AppError } from "@banger/contract/errors";
import { ERRNO, errnoName } from "@banger/contract/guest/errno";
import { FLAG_FIN, FRAME_TYPE, type FrameHead } from "@banger/contract/guest/frame";
import { Acks, type Linger } from "./acks.ts";
import { protocolBroken } from "./guest-error.ts";
import { type GuestStream, NO_EVENTS } from "./guest-stream.ts";
import { ackFrame, dataFrame, type OutFrame, payloadU64, resetFrame } from "./out-frame.ts";
import { ReceiveHalf, WINDOW_BYTES } from "./receive-half.ts";
import { SendHalf } from "./send-half.ts";

type Accepted = "accepted" | "gap";

/** answers to frames of unknown streams that wait to be sent; more can only be a peer that does not read them */
const MAX_RESETS = 4_096;
/** kept for resending on streams that are over; an agent that has answered acknowledges with its next frames */
const MAX_FORGOTTEN_BYTES = 16_777_216;

export class Mux {
  #control = controlStream();
  #streams = new Map<number, GuestStream>();
  /** streams with something to acknowledge, and with something to send, in the order of their turn */
  readonly #acks: Acks;
  readonly #busy = new Set<GuestStream>();
  /** something was sent since there was last nothing to send */
  #sending = false;
  readonly #resets = new Map<number, number>();
  readonly #onWork: () => void;
  #progress = 0;
  readonly #joinedByAck: boolean;

  /**
   * `onWork` is called when `next` may have something. `joinedByAck` is for the agent's end: a stream of an older
   * session is spoken of when the peer has sent ACK for it, not when the control stream has named it. Without `linger`
   * every ACK is sent at once.
   */
  constructor(onWork: () => void, options: { joinedByAck?: boolean; linger?: Linger } = {}) {
    this.#onWork = onWork;
    this.#acks = new Acks({ linger: options.linger, due: onWork });
    this.#joinedByAck = options.joinedByAck === true;
  }

  /** counts frames that brought something new */
  get progress(): number {
    return this.#progress;
  }
  get control(): GuestStream {
    return this.#control;
  }
  stream(id: number): GuestStream | undefined {
    return id === 0 ? this.#control : this.#streams.get(id);
  }
  get streams(): Iterable<GuestStream> {
    return this.#streams.values();
  }

  /** A new epoch of the same session: both ends tell where they stand, the control stream first. */
  resume(): void {
    this.#resets.clear();
    this.#acks.clear();
    for (const stream of [this.#control, ...this.#streams.values()]) {
      stream.send.rewind();
      this.#acks.add(stream);
    }
    this.#onWork();
  }

  /** A new session: the control stream begins again; of the others, only durable ones stay, silent until they are joined. */
  restart(gone: AppError): void {
    const events = this.#control.events;
    this.#control = controlStream();
    this.#control.events = events;
    this.#resets.clear();
    this.#acks.clear();
    this.#busy.clear();
    for (const stream of [...this.#streams.values()]) {
      stream.send.rewind();
      stream.knownAfter = Number.POSITIVE_INFINITY;
      if (stream.durable && !stream.forgotten) this.#acks.add(stream);
      else this.#kill(stream, gone);
    }
    this.#onWork();
  }

  open(options: {
    id: number;
    send: SendHalf;
    receive: ReceiveHalf;
    knownAfter: number;
    durable?: boolean;
  }): GuestStream {
    const { id, send, receive, knownAfter, durable = false } = options;
    const told = receive.consumed;
    const stream: GuestStream = { id, send, receive, durable, knownAfter, told, events: NO_EVENTS, forgotten: false };
    this.#streams.set(id, stream);
    return stream;
  }

  /** Call after taking from, pushing to, or changing `knownAfter` of a stream. */
  touch(stream: GuestStream): void {
    // of a stream that is over nothing is acknowledged: what its reader threw away is still the guest's to give
    if (this.stream(stream.id) !== stream) return;
    if (stream.receive.ackDue) this.#acks.owe(stream);
    this.#busy.add(stream);
    this.#onWork();
  }

  /** Makes the peer hear where this end stands, though nothing was taken. */
  announce(stream: GuestStream): void {
    if (this.stream(stream.id) !== stream) return;
    this.#acks.add(stream);
    this.#onWork();
  }

  /** The owner has done with it. It stays until what was pushed is acknowledged, and a last ACK is sent. */
  forget(stream: GuestStream): void {
    stream.events = NO_EVENTS;
    stream.forgotten = true;
    this.#settle(stream);
    this.#shed();
  }

  /** A peer that acknowledges nothing would have us keep the end of everything that it was ever sent: the oldest goes. */
  #shed(): void {
    let bytes = 0;
    for (const stream of [...this.#streams.values()].reverse()) {
      if (!stream.forgotten) continue;
      bytes += stream.send.unacknowledged;
      if (bytes > MAX_FORGOTTEN_BYTES) this.reset(stream, ERRNO.canceled);
    }
  }

  #settle(stream: GuestStream): void {
    if (!stream.forgotten) return;
    const silent = !this.#acks.has(stream) && (stream.send.finished || !stream.send.ending);
    if (silent || stream.knownAfter === Number.POSITIVE_INFINITY) this.#remove(stream);
  }

  reset(stream: GuestStream, errno: number): void {
    if (this.#streams.get(stream.id) !== stream) return;
    stream.events = NO_EVENTS;
    this.#remove(stream);
    this.#resets.set(stream.id, errno);
    this.#onWork();
  }

  /** Ends everything: every stream hears `error`. */
  end(error: AppError): void {
    for (const stream of [...this.#streams.values()]) this.#kill(stream, error);
  }

  /** Throws GUEST_PROTOCOL; `gap` says that bytes were lost on the way. */
  receive(head: FrameHead, parts: readonly Uint8Array[]): Accepted {
    const stream = this.stream(head.stream);
    if (head.type === FRAME_TYPE.reset) return this.#receiveReset(stream, payloadU64(parts, "RESET"));
    if (!stream) {
      if (this.#resets.size >= MAX_RESETS) throw protocolBroken("it sends on streams that nobody opened");
      this.#resets.set(head.stream, ERRNO.badStream);
      this.#onWork();
      return "accepted";
    }
    const fin = (head.flag & FLAG_FIN) !== 0;
    if (head.type === FRAME_TYPE.ack) {
      return this.#receiveAck(stream, { offset: head.offset, limit: payloadU64(parts, "ACK"), fin });
    }
    if (fin && head.stream === 0) throw protocolBroken("it ended the control stream");
    const before = stream.receive.received;
    const verdict = stream.receive.accept({ offset: head.offset, parts, length: head.length, fin });
    if (stream.receive.received > before) this.#progress++;
    if (verdict === "accepted" && stream.receive.readable) stream.events.readable();
    if (head.offset + head.length < stream.receive.consumed) this.#acks.add(stream);
    else if (stream.receive.ackDue) this.#acks.owe(stream);
    this.#onWork();
    return verdict;
  }

  #receiveAck(stream: GuestStream, ack: { offset: number; limit: number; fin: boolean }): Accepted {
    const before = stream.send.unacknowledged;
    stream.send.acknowledge(ack);
    if (this.#joinedByAck && stream.knownAfter === Number.POSITIVE_INFINITY) {
      stream.knownAfter = 0;
      this.#acks.add(stream);
    }
    if (stream.send.unacknowledged < before) this.#progress++;
    this.#busy.add(stream);
    if (stream.send.room > 0 || stream.send.finished) stream.events.room();
    this.#settle(stream);
    this.#onWork();
    return "accepted";
  }

  #receiveReset(stream: GuestStream | undefined, errno: number): Accepted {
    if (stream === this.#control) throw protocolBroken("it reset the control stream");
    if (stream) {
      const name = errnoName(errno);
      this.#kill(
        stream,
        new AppError("GUEST_REFUSED", `the guest reset stream ${stream.id}: ${name}`, {
          facts: { errno, errnoName: name },
        }),
      );
    }
    return "accepted";
  }

  #kill(stream: GuestStream, error: AppError): void {
    const { events } = stream;
    stream.events = NO_EVENTS;
    this.#remove(stream);
    events.dead(error);
  }

  #remove(stream: GuestStream): void {
    this.#streams.delete(stream.id);
    this.#acks.delete(stream);
    this.#busy.delete(stream);
  }

  /** The next frame, control before data; undefined when there is nothing, or the peer has to speak first. */
  next(): OutFrame | undefined {
    const frame = this.#urgent() ?? (this.#sending && this.#acks.hurry() ? this.#urgent() : undefined);
    this.#sending = frame !== undefined;
    return frame;
  }

  #urgent(): OutFrame | undefined {
    for (const [id, errno] of this.#resets) {
      this.#resets.delete(id);
      return resetFrame(id, errno);
    }
    if (this.#acks.isNow(this.#control)) return this.#ackFrame(this.#control);
    const message = this.#control.send.take();
    if (message) return dataFrame(0, message);
    for (const stream of this.#acks) if (this.#known(stream)) return this.#ackFrame(stream);
    return this.#nextData();
  }

  #nextData(): OutFrame | undefined {
    for (const stream of [...this.#busy]) {
      if (!this.#known(stream)) continue;
      this.#busy.delete(stream);
      const data = stream.send.take();
      if (!data) continue;
      this.#busy.add(stream);
      return dataFrame(stream.id, data);
    }
    return undefined;
  }

  /** In this epoch the peer has been told of the stream. */
  #known(stream: GuestStream): boolean {
    const { send } = this.#control;
    return send.synced && send.cursor >= stream.knownAfter;
  }

  #ackFrame(stream: GuestStream): OutFrame {
    const ack = stream.receive.acknowledge();
    stream.told = ack.offset;
    this.#acks.delete(stream);
    this.#settle(stream);
    return ackFrame(stream.id, ack);
  }
}

function controlStream(): GuestStream {
  const halves = { send: new SendHalf({ limit: WINDOW_BYTES }), receive: new ReceiveHalf({ window: WINDOW_BYTES }) };
  return { id: 0, ...halves, durable: true, knownAfter: 0, told: 0, events: NO_EVENTS, forgotten: false };
}
