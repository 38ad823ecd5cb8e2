/**
 * A connection to a server of ours: greets, then calls methods of a table with their types.
 */
import { connect as connectSocket } from "node:net";
import type { Duplex } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { raceAbort, startDeadline } from "../time/deadline.ts";
import { type CallOptions, Calls } from "./calls.ts";
import { Channel, type ChannelLimits } from "./channel.ts";
import { type Hello, mismatch, parseHello, sendHello } from "./handshake.ts";
import type { MethodName, MethodTable, Parsed, Unparsed } from "./methods.ts";
import type { Mux } from "./mux.ts";

export type ClientOptions<T extends MethodTable> = {
  readonly table: T;
  readonly hello: Hello;
  readonly signal?: AbortSignal | undefined;
  /** for connecting and the greeting, `ms`; 5 s when absent */
  readonly deadlineMs?: number;
  /** "accept" lets frozen methods of a peer with another protocol be called; otherwise VERSION_MISMATCH is thrown */
  readonly onMismatch?: "throw" | "accept" | undefined;
  readonly limits?: ChannelLimits;
};

const CONNECT_DEADLINE_MS = 5_000;
/** answers may be longer than requests: the server is trusted more than its clients */
const MAX_ANSWER_BYTES = 8 << 20;

/** Connects to a Unix socket; DAEMON_UNREACHABLE when nobody listens there. */
export async function connectClient<T extends MethodTable>(
  path: string,
  options: ClientOptions<T>,
): Promise<RpcClient<T>> {
  const ms = options.deadlineMs ?? CONNECT_DEADLINE_MS;
  using deadline = startDeadline(options.signal, { ms, what: `an answer at ${path}` });
  const stream = await openSocket(path, deadline.signal);
  return await greetServer(stream, { ...options, signal: deadline.signal });
}

/** The same over any byte stream. */
export async function greetServer<T extends MethodTable>(
  stream: Duplex,
  options: ClientOptions<T>,
): Promise<RpcClient<T>> {
  const channel = new Channel(stream, { maxLineBytes: MAX_ANSWER_BYTES, ...options.limits });
  const calls = new Calls(channel, { lost });
  const { promise, resolve, reject } = Promise.withResolvers<Hello>();
  channel.onGone = (reason) => reject(reason ?? lost());
  channel.receive = (message) => {
    channel.receive = calls.receive;
    resolve(parseHello(message));
  };
  sendHello(channel, options.hello);
  try {
    const peer = await (options.signal ? raceAbort(promise, options.signal) : promise);
    const difference = mismatch(options.hello, peer);
    if (difference && options.onMismatch !== "accept") throw difference;
    return new RpcClient({ channel, calls, table: options.table, peer });
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

export class RpcClient<T extends MethodTable> implements AsyncDisposable {
  /** what the server said of itself */
  readonly peer: Hello;
  /** resolves when the connection is over, for whatever reason; after an upgrade look at the Mux instead */
  readonly closed: Promise<void>;
  readonly #channel: Channel;
  readonly #calls: Calls;
  readonly #table: T;

  /** Made by `connectClient` and `greetServer`. */
  constructor(parts: { channel: Channel; calls: Calls; table: T; peer: Hello }) {
    this.peer = parts.peer;
    this.#channel = parts.channel;
    this.#calls = parts.calls;
    this.#table = parts.table;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    parts.channel.onGone = (reason) => {
      parts.calls.end(reason);
      resolve();
    };
    if (!parts.channel.open) parts.channel.onGone(undefined);
  }

  async call<M extends MethodName<T>>(
    method: M,
    params: Unparsed<T[M]["params"]>,
    options: CallOptions = {},
  ): Promise<Parsed<T[M]["result"]>> {
    return this.#result(method, await this.#calls.call(method, params, options));
  }

  /** For methods that turn the connection into raw streams; the client is of no other use afterwards. */
  async upgrade<M extends MethodName<T>>(
    method: M,
    params: Unparsed<T[M]["params"]>,
    options: CallOptions = {},
  ): Promise<{ readonly result: Parsed<T[M]["result"]>; readonly mux: Mux }> {
    const { result, mux } = await this.#calls.upgrade(method, params, options);
    try {
      return { result: this.#result(method, result), mux };
    } catch (error) {
      mux.destroy(new AppError("PROTOCOL_BROKEN", `${method} was answered with something else than its result`));
      throw error;
    }
  }

  /** Calls under way fail; twice is fine. */
  close(): void {
    this.#calls.end(new AppError("CANCELLED", "the connection was closed"));
    this.#channel.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  #result<M extends MethodName<T>>(method: M, raw: unknown): Parsed<T[M]["result"]> {
    try {
      return this.#table[method]?.result.parse(raw) as Parsed<T[M]["result"]>;
    } catch (cause) {
      throw new AppError("PROTOCOL_BROKEN", `${method} was answered with something else than its result`, { cause });
    }
  }
}

function lost(): AppError {
  return new AppError("DAEMON_UNREACHABLE", "the connection to the daemon was lost");
}

async function openSocket(path: string, signal: AbortSignal): Promise<Duplex> {
  const socket = connectSocket({ path });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (error: NodeJS.ErrnoException) => reject(connectFailure(error, path));
  socket.once("connect", resolve);
  socket.on("error", onError);
  try {
    await raceAbort(promise, signal);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function connectFailure(error: NodeJS.ErrnoException, path: string): AppError {
  const errno = error.code ?? "unknown";
  const facts = { path, errno };
  if (errno === "EACCES" || errno === "EPERM") {
    return new AppError("UNAUTHORIZED", `${path} may not be used by this user`, { facts, cause: error });
  }
  return new AppError("DAEMON_UNREACHABLE", `nobody answers at ${path} (${errno})`, { facts, cause: error });
}
