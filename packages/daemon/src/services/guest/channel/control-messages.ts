/**
 * Requests and their answers on the control stream, for the host. An answer that nobody asked for is a breach; one that
 * nobody waits for any more is dropped.
 */
import { AppError } from "@banger/contract/errors";
import { decodeFields, MalformedError } from "@banger/contract/guest/fields";
import { ANSWER_BIT, encodeMessage, type Message, MessageAssembler } from "@banger/contract/guest/message-frame";
import {
  type Answer,
  type AnswerFields,
  decodeAnswer,
  type EventFields,
  encodeRequest,
  type GuestEvent,
  type GuestVerb,
  guestEvents,
  guestVerbs,
  type RequestFields,
} from "@banger/contract/guest/messages";
import { guestRefused, protocolBroken } from "./guest-error.ts";
import type { GuestStream } from "./guest-stream.ts";

export type EventSink = { readonly [E in GuestEvent]: (fields: EventFields<E>) => void };

type Pending = {
  readonly type: number;
  readonly verb: GuestVerb;
  /** undefined when nobody waits any more */
  settle: { answer(body: Uint8Array): void; fail(error: unknown): void } | undefined;
};

/** bytes of requests that wait for room in the stream; more only if the guest takes nothing */
const MAX_OUTBOX_BYTES = 4_194_304;
const MAX_UNANSWERED = 8_192;

export class ControlMessages {
  readonly #control: () => GuestStream;
  readonly #touch: () => void;
  readonly #events: EventSink;
  #assembler = new MessageAssembler();
  readonly #pending = new Map<number, Pending>();
  #lastRequest = 0;
  #outbox: Uint8Array[] = [];
  #outboxBytes = 0;

  /** `control` gives the control stream of the session, `touch` tells that it was used. */
  constructor(options: { control: () => GuestStream; touch: () => void; events: EventSink }) {
    this.#control = options.control;
    this.#touch = options.touch;
    this.#events = options.events;
  }

  /**
   * Queues a request. `sentAt` is the byte of the control stream behind it; `answered` is called with the fields at once
   * when they come, before anything that the guest sent later is looked at.
   */
  send<V extends GuestVerb>(
    verb: V,
    options: { fields: RequestFields<V>; what: string; answered?: ((fields: AnswerFields<V>) => void) | undefined },
  ): { number: number; sentAt: number; answer: Promise<AnswerFields<V>> } {
    this.#lastRequest = (this.#lastRequest % 0xffffffff) + 1;
    const number = this.#lastRequest;
    const bytes = encodeMessage({
      type: guestVerbs[verb].type,
      request: number,
      body: encodeRequest(verb, options.fields),
    });
    if (this.#outboxBytes + bytes.length > MAX_OUTBOX_BYTES || this.#pending.size >= MAX_UNANSWERED) {
      throw new AppError("GUEST_SILENT", `the guest's agent takes no more requests; ${this.#pending.size} wait for it`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<AnswerFields<V>>();
    const answer = (body: Uint8Array) => {
      const decoded: Answer<V> = decodeAnswer(verb, body);
      if (!decoded.ok) return reject(guestRefused({ what: options.what, errno: decoded.errno, text: decoded.text }));
      options.answered?.(decoded.fields);
      resolve(decoded.fields);
    };
    this.#pending.set(number, { type: guestVerbs[verb].type, verb, settle: { answer, fail: reject } });
    this.#outbox.push(bytes);
    this.#outboxBytes += bytes.length;
    this.flush();
    return { number, sentAt: this.#control().send.end + this.#outboxBytes, answer: promise };
  }

  /** Nobody waits for the answer any more; when it comes, it is dropped. True if it is still to come. */
  abandon(number: number): boolean {
    const pending = this.#pending.get(number);
    if (pending) pending.settle = undefined;
    return pending !== undefined;
  }

  /** Moves what waits into the control stream, as far as there is room. */
  flush(): void {
    const { send } = this.#control();
    for (let head = this.#outbox[0]; head && send.room > 0; head = this.#outbox[0]) {
      const piece = head.subarray(0, send.room);
      send.push(piece);
      this.#outboxBytes -= piece.length;
      if (piece.length === head.length) this.#outbox.shift();
      else this.#outbox[0] = head.subarray(piece.length);
    }
    this.#touch();
  }

  /** Reads what came. Throws GUEST_PROTOCOL. */
  read(): void {
    const { receive } = this.#control();
    for (let chunk = receive.take(65_536); chunk; chunk = receive.take(65_536)) {
      this.#assembler.push(chunk);
      receive.consume(chunk.length);
    }
    try {
      for (let message = this.#assembler.next(); message; message = this.#assembler.next()) this.#dispatch(message);
    } catch (error) {
      if (error instanceof MalformedError) throw protocolBroken(error.message, error);
      throw error;
    }
    this.#touch();
  }

  #dispatch(message: Message): void {
    if (message.request === 0) this.#event(message);
    else this.#answer(message);
  }

  #answer(message: Message): void {
    const pending = this.#pending.get(message.request);
    if (!pending || message.type !== (pending.type | ANSWER_BIT)) {
      throw protocolBroken(`message ${message.type} answers request ${message.request}, which was not asked`);
    }
    this.#pending.delete(message.request);
    pending.settle?.answer(message.body);
  }

  #event(message: Message): void {
    const { exited, ports, init } = guestEvents;
    if (message.type === exited.type) this.#events.exited(decodeFields(exited.fields, message.body));
    else if (message.type === ports.type) this.#events.ports(decodeFields(ports.fields, message.body));
    else if (message.type === init.type) this.#events.init(decodeFields(init.fields, message.body));
  }

  /** The session is over: nothing that was asked is answered any more. */
  restart(error: AppError): void {
    this.#assembler = new MessageAssembler();
    this.#outbox = [];
    this.#outboxBytes = 0;
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (const { settle } of all) settle?.fail(error);
  }
}
