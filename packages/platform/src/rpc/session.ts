/**
 * The serving side of one connection: greets, runs handlers, cancels them when asked or when the peer goes away.
 *
 * It trusts nothing that comes in: parameters pass their parser, the number of requests under way is bounded.
 */
import { getEventListeners } from "node:events";
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { refusedWrite } from "../fs/refused-write.ts";
import type { BoundMethod, BoundMethods } from "./bind.ts";
import { Channel, type ChannelLimits } from "./channel.ts";
import { type Hello, mismatch, parseHello, sendHello } from "./handshake.ts";
import { Mux } from "./mux.ts";
import type { Peer } from "./peer.ts";
import { errorToWire, type Message, type RequestId } from "./wire.ts";

const MAX_REQUESTS = 256;
const GREETING_MS = 10_000;

export type SessionOptions = {
  readonly hello: Hello;
  readonly peer: Peer;
  readonly methods: BoundMethods;
  /** hears of failures that are nobody's but ours */
  readonly onInternalError: (error: unknown, method: string) => void;
  readonly limits?: ChannelLimits;
};

type Request = { readonly id: RequestId; readonly method: string; readonly abort: AbortController };
type Serve = (mux: Mux) => Promise<void>;

export class Session {
  /** resolves when the connection is over and all its handlers have ended */
  readonly closed: Promise<void>;
  readonly #channel: Channel;
  readonly #options: SessionOptions;
  readonly #requests = new Map<RequestId, Request>();
  readonly #connection = new AbortController();
  readonly #resolveClosed: () => void;
  #peerMismatch: AppError | undefined;
  #mux: Mux | undefined;
  #usedAt = performance.now();
  #gone = false;
  #closing = false;
  #upgrading = false;
  readonly #greeting: NodeJS.Timeout;

  constructor(stream: Duplex, options: SessionOptions) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    this.#options = options;
    this.#channel = new Channel(stream, options.limits);
    this.#channel.receive = (message) => this.#greet(message);
    this.#channel.onGone = (reason) => this.#onGone(reason);
    this.#greeting = setTimeout(() => {
      this.#channel.destroy(new AppError("TIMEOUT", `waited ${GREETING_MS} ms for the client's hello`));
    }, GREETING_MS);
    sendHello(this.#channel, options.hello);
  }

  /** True while a request or an upgraded connection is under way. */
  get busy(): boolean {
    return this.#requests.size > 0 || this.#mux !== undefined;
  }

  /**
   * Since when nothing is under way and nothing would end with the connection, `ms` of performance.now; undefined while
   * something is.
   */
  get idleSince(): number | undefined {
    const isHeld = getEventListeners(this.#connection.signal, "abort").length > 0;
    return this.busy || isHeld ? undefined : this.#usedAt;
  }

  /** Takes no more requests, and ends the connection once the ones under way are answered. */
  close(): Promise<void> {
    this.#closing = true;
    if (!this.busy) this.#channel.close();
    return this.closed;
  }

  /** Aborts what is under way and drops the connection; resolves when the handlers have ended. */
  destroy(reason: AppError): Promise<void> {
    this.#closing = true;
    this.#mux?.destroy(reason);
    this.#channel.destroy(reason);
    return this.closed;
  }

  #greet(message: Message): void {
    clearTimeout(this.#greeting);
    this.#peerMismatch = mismatch(this.#options.hello, parseHello(message));
    this.#channel.receive = (next) => this.#onMessage(next);
  }

  #onMessage(message: Message): void {
    if (message.kind === "request") this.#onRequest(message);
    else if (message.kind === "notification" && message.method === "$/cancel") this.#onCancel(message.params);
  }

  #onCancel(params: unknown): void {
    const id: unknown = typeof params === "object" && params !== null ? Reflect.get(params, "id") : undefined;
    if (typeof id !== "number" && typeof id !== "string") return;
    const request = this.#requests.get(id);
    request?.abort.abort(new AppError("CANCELLED", `${request.method} was cancelled`));
  }

  #onRequest({ id, method, params }: Extract<Message, { kind: "request" }>): void {
    if (this.#requests.has(id)) throw new AppError("PROTOCOL_BROKEN", `request ${id} is under way already`);
    const bound = this.#options.methods.get(method);
    const refusal = this.#refusal(bound, method);
    if (!bound || refusal) {
      this.#channel.send({ jsonrpc: "2.0", id, error: errorToWire(refusal ?? unknownMethod(method)) });
      return;
    }
    const request = { id, method, abort: new AbortController() };
    this.#requests.set(id, request);
    void this.#run(request, bound, params);
  }

  #refusal(bound: BoundMethod | undefined, method: string): AppError | undefined {
    if (this.#peerMismatch && bound?.frozen !== true) return this.#peerMismatch;
    if (this.#upgrading)
      return new AppError("USAGE", "the connection is about to carry raw bytes", { facts: { method } });
    if (this.#closing) return new AppError("DAEMON_UNREACHABLE", "the daemon is shutting down");
    if (this.#requests.size >= MAX_REQUESTS) {
      return new AppError("DAEMON_BUSY", `${MAX_REQUESTS} requests are under way on this connection`, {
        facts: { method, maxRequests: MAX_REQUESTS },
      });
    }
    return undefined;
  }

  async #run(request: Request, bound: BoundMethod, params: unknown): Promise<void> {
    const { id, method } = request;
    let serve: Serve | undefined;
    const context = {
      signal: request.abort.signal,
      connection: this.#connection.signal,
      peer: this.#options.peer,
      sameProtocol: this.#peerMismatch === undefined,
      progress: (value: unknown) => {
        if (this.#requests.get(id) !== request) return;
        this.#channel.send({ jsonrpc: "2.0", method: "$/progress", params: { id, value } });
      },
      upgrade: (wanted: Serve) => {
        this.#reserve(method);
        serve = wanted;
      },
    };
    try {
      const result = await bound.call(params, context);
      this.#answer(request, { result: result ?? null, serve });
    } catch (error) {
      this.#requests.delete(id);
      this.#upgrading = false;
      this.#channel.send({ jsonrpc: "2.0", id, error: errorToWire(this.#told(error, method)) });
    }
    this.#settle();
  }

  /** From here on the connection belongs to the request that wants it raw. */
  #reserve(method: string): void {
    if (this.#requests.size > 1) throw new AppError("USAGE", `${method} needs a connection of its own`);
    this.#upgrading = true;
  }

  #answer(request: Request, answer: { result: unknown; serve: Serve | undefined }): void {
    const { id, method } = request;
    const { result, serve } = answer;
    this.#requests.delete(id);
    if (!serve) {
      this.#channel.send({ jsonrpc: "2.0", id, result });
      return;
    }
    if (!this.#channel.open) return;
    this.#channel.send({ jsonrpc: "2.0", id, result, upgraded: true });
    void this.#serveRaw(serve, method);
  }

  async #serveRaw(serve: Serve, method: string): Promise<void> {
    const { stream, leftover } = this.#channel.detach();
    const lost = () => new AppError("CANCELLED", "the client went away");
    const mux = new Mux(stream, { leftover, lost });
    this.#mux = mux;
    try {
      await serve(mux);
      await mux.close();
    } catch (error) {
      await mux.close(this.#told(error, method));
    }
    this.#mux = undefined;
    this.#onGone(undefined);
  }

  #told(error: unknown, method: string): AppError {
    if (AppError.is(error)) {
      if (error.code === "INTERNAL") this.#options.onInternalError(error, method);
      return error;
    }
    this.#options.onInternalError(error, method);
    const refused = refusedWrite(error);
    if (refused) return refused;
    return new AppError("INTERNAL", `${method} failed in a way that it should not`, { cause: error });
  }

  #onGone(reason: AppError | undefined): void {
    this.#gone = true;
    clearTimeout(this.#greeting);
    const why = reason ?? new AppError("CANCELLED", "the client went away");
    for (const request of this.#requests.values()) request.abort.abort(why);
    this.#connection.abort(why);
    this.#settle();
  }

  #settle(): void {
    if (this.busy) return;
    this.#usedAt = performance.now();
    if (this.#gone) this.#resolveClosed();
    else if (this.#closing) this.#channel.close();
  }
}

function unknownMethod(method: string): AppError {
  const name = method.slice(0, 100);
  return new AppError("USAGE", `there is no method ${name}`, { facts: { method: name } });
}
