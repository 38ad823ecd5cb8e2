/**
 * HTTP to any port of any machine, by name, through one loopback port: `http://3000.web.localhost:7080`. The name in the
 * Host header decides; a foreign one is refused, and so is every user of this host but the daemon's owner.
 *
 * It opens nothing in a guest's name, and a port of its own that is taken never keeps the daemon from starting.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import { describeChain } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { errnoOf } from "@banger/platform/fs/errno";
import type { Logger } from "@banger/platform/log";
import { CheckedListener } from "./checked-listener.ts";
import { GuestConnections } from "./guest-connections.ts";
import { parseHost, type Wanted } from "./host-name.ts";
import { ambiguity, failurePage, forwardRequest } from "./http-forward.ts";
import { type Answer, askToUpgrade, isWebSocket, joinUpgraded } from "./http-upgrade.ts";
import { endWith } from "./last-words.ts";
import type { LoopbackGate } from "./loopback-gate.ts";
import type { OpenPort } from "./open-port.ts";
import { answerPlainly, type Plain } from "./plain-answer.ts";

export type GatewayDeps = {
  readonly gate: LoopbackGate;
  /** throws VM_NOT_FOUND */
  readonly named: (name: string) => VmId;
  readonly openPort: OpenPort<{ id: VmId }>;
  /** answers what is asked of `localhost` itself */
  readonly page: (request: IncomingMessage, response: ServerResponse) => void;
  readonly log: Logger;
  /** how long one that was refused may go on sending, `ms`; 2 s when absent */
  readonly lingerMs?: number;
};

const MAX_HEAD_BYTES = 64 << 10;
const IDLE_MS = 75_000;
/** ports that are tried when the wished one is taken */
const TRIES = 100;
const FOREIGN: Plain = { status: 421, message: "This is banger: it answers to names beneath localhost only." };

export class HttpGateway implements AsyncDisposable {
  readonly #deps: GatewayDeps;
  readonly #server: Server;
  readonly #stop = new AbortController();
  readonly #kept: GuestConnections;
  /** for requests that are sent once, or take the connection over */
  readonly #fresh: GuestConnections;
  #listeners: readonly CheckedListener[] = [];

  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    const { openPort } = deps;
    this.#kept = new GuestConnections({ openPort, signal: this.#stop.signal, keep: true });
    this.#fresh = new GuestConnections({ openPort, signal: this.#stop.signal, keep: false });
    this.#server = createServer({
      maxHeaderSize: MAX_HEAD_BYTES,
      keepAliveTimeout: IDLE_MS,
      requestTimeout: 0, // a long upload is no attack: the peer is the user
      insecureHTTPParser: false,
      shouldUpgradeCallback: isWebSocket,
    });
    this.#server.on("request", (request, response) => {
      this.#serve(request, response).catch((error: unknown) => this.#giveUp(error, response));
    });
    this.#server.on("upgrade", (request, socket, head) => {
      this.#upgrade(request, socket, head).catch((error: unknown) => this.#giveUp(error, socket));
    });
    this.#server.on("connect", (_request, socket) =>
      endWith(socket, "HTTP/1.1 405 Method Not Allowed\r\nconnection: close\r\n\r\n", deps),
    );
    this.#server.on("clientError", (_error, socket) => {
      if (socket.writable) endWith(socket, "HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n", deps);
      else socket.destroy();
    });
  }

  /** Listens on both loopback addresses; `undefined` while it does not. */
  get port(): number | undefined {
    return this.#listeners[0]?.port;
  }

  /** Takes the wished port, or the next free one. That none is to be had is logged, and nothing more. */
  async open(wished: number): Promise<void> {
    for (let tried = 0; tried < TRIES; tried += 1) {
      const listeners = await this.#listen(wished === 0 ? 0 : wished + tried);
      if (!listeners) continue;
      this.#listeners = listeners;
      this.#deps.log.info("http gateway listens", { port: this.port });
      return;
    }
    this.#deps.log.warn("no http gateway: no port is free", { from: wished, to: wished + TRIES - 1 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const listeners = this.#listeners;
    this.#listeners = [];
    for (const connections of [this.#kept, this.#fresh]) connections.destroy();
    await Promise.all(listeners.map((listener) => listener[Symbol.asyncDispose]()));
  }

  /** A port counts as free when it is on both addresses, or there is no IPv6: half of it would be somebody else's. */
  async #listen(port: number): Promise<readonly CheckedListener[] | undefined> {
    const { gate } = this.#deps;
    const serve = (socket: Duplex) => {
      this.#server.emit("connection", socket);
      socket.resume();
    };
    let first: CheckedListener | undefined;
    try {
      first = await CheckedListener.open({ address: "127.0.0.1", port, gate, serve });
      return [first, await CheckedListener.open({ address: "::1", port: first.port, gate, serve })];
    } catch (error) {
      const code = errnoOf(error);
      if (first && (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")) return [first];
      await first?.[Symbol.asyncDispose]();
      return undefined;
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const unclear = ambiguity(request);
    const wanted = unclear === undefined ? parseHost(request.headers.host ?? "") : undefined;
    if (unclear !== undefined)
      answerPlainly(request, response, { status: 400, message: `Not understood: ${unclear}.` });
    else if (!wanted) answerPlainly(request, response, FOREIGN);
    else if (wanted.kind === "page") this.#deps.page(request, response);
    else if (wanted.kind === "machine") answerPlainly(request, response, this.#whichPort(wanted.name));
    else await this.#forward(wanted, request, response);
  }

  async #forward(
    to: Extract<Wanted, { kind: "port" }>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    try {
      const id = this.#deps.named(to.name);
      await forwardRequest(request, response, { id, port: to.port, kept: this.#kept, fresh: this.#fresh });
    } catch (error) {
      this.#deps.log.debug("http request not served whole", { ...to, error: describeChain(error) });
      if (response.headersSent || response.destroyed) response.destroy();
      else answerPlainly(request, response, failurePage(error, { ...to, gatewayPort: this.port }));
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const wanted = ambiguity(request) === undefined ? parseHost(request.headers.host ?? "") : undefined;
    if (wanted?.kind !== "port") {
      const refusal = "HTTP/1.1 421 Misdirected Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
      endWith(socket, refusal, this.#deps);
      return;
    }
    let answer: Answer | undefined;
    socket.on("error", () => undefined); // told by its end
    socket.once("close", () => answer?.guest.destroy());
    try {
      const id = this.#deps.named(wanted.name);
      answer = await askToUpgrade(request, { id, port: wanted.port, over: this.#fresh });
    } catch (error) {
      endWith(socket, briefly(failurePage(error, { ...wanted, gatewayPort: this.port })), this.#deps);
      return;
    }
    if (head.length > 0) socket.unshift(head);
    await joinUpgraded(answer, socket).catch(() => undefined); // either end has gone
    socket.destroy();
    answer.guest.destroy();
  }

  /** A mistake of ours costs one connection, and never the daemon. */
  #giveUp(error: unknown, connection: ServerResponse | Duplex): void {
    this.#deps.log.error("http request not served", { error: describeChain(error) });
    connection.destroy();
  }

  #whichPort(name: string): Plain {
    const example = `http://3000.${name}.localhost${this.port === 80 ? "" : `:${this.port}`}/`;
    return { status: 404, message: `Which port of ${name}?`, hint: `Put it before the name: ${example}` };
  }
}

function briefly({ status, message }: Plain): string {
  const body = `${message}\n`;
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}`;
  return `${head}\r\nconnection: close\r\n\r\n${body}`;
}
