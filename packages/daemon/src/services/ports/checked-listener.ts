/**
 * A TCP listener that reads nothing of a connection before the gate has let it in. What it serves with owns the socket
 * from then on; closing ends the listener and every connection that it took.
 */
import { createServer, type Server, type Socket } from "node:net";
import type { LoopbackGate } from "./loopback-gate.ts";

export type Address = { readonly address: string; readonly port: number };

export type ListenOptions = Address & {
  readonly gate: LoopbackGate;
  /** given a socket that stands still, so that nothing is lost before its reader is there */
  readonly serve: (socket: Socket) => void;
  /** connections from other hosts are served, too */
  readonly foreign?: boolean;
};

const MAX_CONNECTIONS = 1_000;

export class CheckedListener implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Rejects with the system's error when the address cannot be had. */
  static async open(options: ListenOptions): Promise<CheckedListener> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true });
    const listener = new CheckedListener(server);
    server.maxConnections = MAX_CONNECTIONS;
    server.on("connection", (socket) => void listener.#admit(socket, options));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    // An address is listened on as it was written: `::` does not mean every IPv4 address as well.
    server.listen({ port: options.port, host: options.address, ipv6Only: true }, resolve);
    await promise;
    server.off("error", reject);
    server.on("error", () => undefined); // a connection that could not be accepted: the next one may
    return listener;
  }

  get port(): number {
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    await promise;
  }

  async #admit(socket: Socket, { gate, serve, foreign = false }: ListenOptions): Promise<void> {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.on("error", () => undefined); // told by its end
    const judgement = await gate.judge(socket);
    if (socket.destroyed) return;
    if (judgement === "ours" || (judgement === "foreign" && foreign)) serve(socket);
    else socket.resetAndDestroy();
  }
}
