/**
 * An agent in memory, for tests: it keeps the protocol's promises (sessions, resuming, output and statuses kept until
 * they are acknowledged and released) and runs a few built-in programs instead of real ones.
 */
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { ERRNO } from "@banger/contract/guest/errno";
import { encodeFields, type FieldsIn } from "@banger/contract/guest/fields";
import type { Decoded } from "@banger/contract/guest/frame-decoder";
import {
  agentHello,
  decodeHello,
  encodeHello,
  type HostHello,
  hostHello,
  PROTOCOL,
} from "@banger/contract/guest/hello";
import { ANSWER_BIT, encodeMessage, type Message, MessageAssembler } from "@banger/contract/guest/message-frame";
import { answerHead, type GuestEvent, type GuestVerb, guestEvents, guestVerbs } from "@banger/contract/guest/messages";
import { FramePipe } from "../channel/frame-pipe.ts";
import type { GuestStream } from "../channel/guest-stream.ts";
import { Mux } from "../channel/mux.ts";
import { ReceiveHalf, WINDOW_BYTES } from "../channel/receive-half.ts";
import { SendHalf } from "../channel/send-half.ts";
import { type FakeAgentPort, FakeRefusal, type FakeRequest } from "./guest-agent-port-fake.ts";
import { FakeVerbs } from "./guest-verbs-fake.ts";

export type FakeAgentOptions = {
  readonly boot?: Uint8Array;
  readonly build?: string;
  readonly role?: string;
  readonly capabilities?: readonly string[];
};

export class FakeAgent implements FakeAgentPort {
  readonly mux: Mux;
  readonly verbs: FakeVerbs;
  readonly #options: FakeAgentOptions;
  #build: string;
  #boot: Uint8Array;
  #assembler = new MessageAssembler();
  #pipe: FramePipe | undefined;
  #epoch = 0;
  #session: Uint8Array | undefined;
  #nextStream = 2;
  #open = false;
  #outbox: Uint8Array[] = [];

  constructor(options: FakeAgentOptions = {}) {
    this.#options = options;
    this.#boot = options.boot ?? new Uint8Array(16).fill(7);
    this.#build = options.build ?? "0.0.0+fake";
    this.mux = new Mux(() => this.#pipe?.wake(), { joinedByAck: true });
    this.verbs = new FakeVerbs(this);
    this.#bindControl();
  }

  /** HELLOs that opened an epoch. */
  opened = 0;

  /** The port gets a new other end; what the old one still had to say is lost. */
  attach(duplex: Duplex): void {
    this.#pipe?.destroy();
    this.#open = false;
    const pipe: FramePipe = new FramePipe(duplex, {
      decoded: (decoded) => this.#decoded(pipe, decoded),
      next: () => (this.#open && this.#pipe === pipe ? this.mux.next() : undefined),
      ended: () => undefined,
      failed: (error) => {
        throw error;
      },
    });
    this.#pipe = pipe;
  }

  /** Forgets the session, as an agent that another host spoke to; with `reboot`, everything. */
  forget(options: { reboot: boolean }): void {
    this.#session = undefined;
    if (!options.reboot) return;
    this.#boot = this.#boot.map((byte) => byte + 1);
    this.#epoch = 0;
    this.verbs.commands.forgetAll();
  }

  /** As a process that took the place of this one: it scans, knows everything, and says that it is there. */
  upgraded(build: string): void {
    this.#build = build;
    setImmediate(() => this.#lost());
  }

  #lost(): void {
    this.#open = false;
    if (this.#session) this.#pipe?.greet([this.#refusal({ epoch: this.#epoch, session: this.#session })]);
  }

  #refusal(of: { epoch: number; session: Uint8Array }): Uint8Array {
    return encodeHello(agentHello, { ...this.#about(), ...of, refused: this.#epoch });
  }

  /** Opens the agent's end of a stream; `window` is for what it sends. */
  openStream(options: { id: number; window: number; use: "send" | "receive" | "both"; durable: boolean }): GuestStream {
    const { id, window, use, durable } = options;
    if (this.mux.stream(id)) throw new FakeRefusal(ERRNO.exists, `stream ${id} is in use`);
    this.#nextStream = Math.max(this.#nextStream, (id & ~1) + 2);
    const send = use === "receive" ? new SendHalf({ unused: true }) : new SendHalf({ limit: window });
    const receive = new ReceiveHalf({ window: WINDOW_BYTES, granted: 0, unused: use === "send", keeps: true });
    const stream = this.mux.open({ id, send, receive, durable, knownAfter: 0 });
    if (use !== "send") this.mux.announce(stream);
    return stream;
  }

  answer<V extends GuestVerb>(request: FakeRequest<V>, fields: FieldsIn<(typeof guestVerbs)[V]["answer"]>): void {
    const { type, answer } = guestVerbs[request.verb];
    const body = encodeFields<(typeof guestVerbs)[V]["answer"]>(answer, fields);
    this.#send({ type: type | ANSWER_BIT, request: request.number, body });
  }

  refuse(request: FakeRequest<GuestVerb>, refusal: { errno: number; text: string }): void {
    const body = encodeFields(answerHead, refusal);
    this.#send({ type: guestVerbs[request.verb].type | ANSWER_BIT, request: request.number, body });
  }

  event<E extends GuestEvent>(event: E, fields: FieldsIn<(typeof guestEvents)[E]["fields"]>): void {
    if (!this.#session) return;
    const body = encodeFields<(typeof guestEvents)[E]["fields"]>(guestEvents[event].fields, fields);
    this.#send({ type: guestEvents[event].type, request: 0, body });
  }

  #send(message: Message): void {
    this.#outbox.push(encodeMessage(message));
    this.#flush();
  }

  #flush(): void {
    const { send } = this.mux.control;
    for (let head = this.#outbox[0]; head && send.room > 0; head = this.#outbox[0]) {
      const piece = head.subarray(0, send.room);
      send.push(piece);
      if (piece.length === head.length) this.#outbox.shift();
      else this.#outbox[0] = head.subarray(piece.length);
    }
    this.mux.touch(this.mux.control);
  }

  #bindControl(): void {
    this.mux.control.events = {
      readable: () => this.#readMessages(),
      room: () => this.#flush(),
      dead: () => undefined,
    };
  }

  #decoded(pipe: FramePipe, decoded: Decoded): void {
    if (pipe !== this.#pipe) return;
    if (decoded.kind === "hello") this.#hello(pipe, decodeHello(hostHello, decoded.payload));
    else if (decoded.kind === "lost") this.#lost();
    else if (this.#open && this.mux.receive(decoded.head, decoded.parts) === "gap") this.#lost();
  }

  #hello(pipe: FramePipe, hello: HostHello): void {
    const { epoch, session } = hello;
    if (epoch <= this.#epoch) {
      pipe.greet([this.#refusal({ epoch, session })]);
      return;
    }
    const resumed = this.#session !== undefined && Buffer.from(this.#session).equals(session);
    this.#epoch = epoch;
    this.opened++;
    if (resumed) this.mux.resume();
    else this.#begin(session);
    pipe.greet([encodeHello(agentHello, { ...this.#about(), epoch, session, resumed: resumed ? 1 : 0 })]);
    this.#open = true;
    pipe.enter(epoch);
  }

  #about() {
    const { role = "pid1", capabilities = ["tar", "forward", "ports", "upgrade"] } = this.#options;
    const about = { protocol: PROTOCOL, build: this.#build, boot: this.#boot, role, nextStream: this.#nextStream };
    return { ...about, capability: capabilities };
  }

  #begin(session: Uint8Array): void {
    this.#session = session;
    this.#assembler = new MessageAssembler();
    this.#outbox = [];
    this.verbs.commands.newSession();
    this.mux.restart(new AppError("CANCELLED", "the session ended"));
    this.#bindControl();
  }

  #readMessages(): void {
    const { receive } = this.mux.control;
    for (let chunk = receive.take(65_536); chunk; chunk = receive.take(65_536)) {
      this.#assembler.push(chunk);
      receive.consume(chunk.length);
    }
    for (let message = this.#assembler.next(); message; message = this.#assembler.next()) this.#dispatch(message);
    this.mux.touch(this.mux.control);
  }

  #dispatch(message: Message): void {
    const found = Object.entries(guestVerbs).find(([, verb]) => verb.type === message.type);
    if (!found) {
      const body = encodeFields(answerHead, { errno: ERRNO.noSuchCall });
      this.#send({ type: message.type | ANSWER_BIT, request: message.request, body });
      return;
    }
    this.#handle(found[0] as GuestVerb, message);
  }

  #handle(verb: GuestVerb, message: Message): void {
    const request = { number: message.request, verb };
    try {
      this.verbs.handle(request, message.body);
    } catch (error) {
      const errno = error instanceof FakeRefusal ? error.errno : ERRNO.invalid;
      this.refuse(request, { errno, text: error instanceof Error ? error.message : "" });
    }
  }
}
