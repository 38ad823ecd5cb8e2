/**
 * Listens on a Unix socket and gives each connection a session.
 *
 * The socket appears under its name only when it is ready and has its mode, so a start that fails leaves nothing. Who
 * starts a server holds the lock of its state: a socket on which nobody answers is then a leftover and is replaced.
 */
import { randomBytes } from "node:crypto";
import { chmod, rename, stat, unlink } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { AppError } from "@banger/contract/errors";
import { ensurePrivateDir } from "../fs/private-dir.ts";
import { socketPath } from "../fs/socket-path.ts";
import { raceAbort, startDeadline } from "../time/deadline.ts";
import { bindMethods, type OnUndeclared } from "./bind.ts";
import { Channel, type ChannelLimits } from "./channel.ts";
import { type Hello, sendRefusal } from "./handshake.ts";
import type { Handlers, MethodTable } from "./methods.ts";
import { type Peer, socketFd } from "./peer.ts";
import { Session, type SessionOptions } from "./session.ts";

export type ServerOptions<T extends MethodTable> = {
  readonly path: string;
  readonly table: T;
  readonly handlers: Handlers<T>;
  readonly hello: Hello;
  /** the kernel's word on who is connected, by descriptor */
  readonly peerOf: (fd: number) => Peer;
  /** throws what the peer is refused with */
  readonly authorize: (peer: Peer) => void;
  readonly onInternalError: (error: unknown, method: string) => void;
  readonly onUndeclared?: OnUndeclared;
  /** "private": directory 0700 of ours, socket 0600. "checked": others reach the socket, `authorize` alone decides */
  readonly access?: "private" | "checked";
  /** beyond it the one that was idle the longest is let go, and when none is, the new one is refused */
  readonly maxConnections?: number;
  readonly limits?: ChannelLimits;
};

const MAX_CONNECTIONS = 256;
const PROBE_MS = 2_000;

export async function startServer<T extends MethodTable>(options: ServerOptions<T>): Promise<RpcServer> {
  const path = socketPath(options.path);
  const access = options.access ?? "private";
  if (access === "private") await ensurePrivateDir(dirname(path));
  await refuseLiveSocket(path);
  const methods = bindMethods(options.table, options.handlers, { onUndeclared: options.onUndeclared });
  const { hello, onInternalError, limits } = options;
  const server = createServer();
  const rpc = new RpcServer(server, {
    path,
    peerOf: options.peerOf,
    authorize: options.authorize,
    maxConnections: options.maxConnections ?? MAX_CONNECTIONS,
    session: { hello, methods, onInternalError, ...(limits ? { limits } : {}) },
  });
  rpc.own(await publish(server, path, access === "private" ? 0o600 : 0o666));
  return rpc;
}

type Parts = {
  readonly path: string;
  readonly peerOf: (fd: number) => Peer;
  readonly authorize: (peer: Peer) => void;
  readonly maxConnections: number;
  readonly session: Omit<SessionOptions, "peer">;
};

export class RpcServer implements AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #parts: Parts;
  readonly #sessions = new Set<Session>();
  #inode: number | undefined;
  #ending: Promise<void> | undefined;
  #unlisted: Promise<void> | undefined;

  /** Made by `startServer`. */
  constructor(server: Server, parts: Parts) {
    this.path = parts.path;
    this.#server = server;
    this.#parts = parts;
    server.on("connection", (socket) => this.#onConnection(socket));
  }

  get connections(): number {
    return this.#sessions.size;
  }

  /** The socket of this inode is ours to remove. */
  own(inode: number): void {
    this.#inode = inode;
  }

  /** Takes no new connections, lets requests under way end, and after `graceMs` aborts them. */
  close(options: { graceMs: number }): Promise<void> {
    this.#ending ??= this.#close(options.graceMs);
    return this.#ending;
  }

  /** Aborts everything; resolves when all handlers have ended. */
  async destroy(reason: AppError = new AppError("CANCELLED", "the daemon is shutting down")): Promise<void> {
    await this.#unlist();
    await Promise.all([...this.#sessions].map((session) => session.destroy(reason)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  async #close(graceMs: number): Promise<void> {
    await this.#unlist();
    const all = Promise.all([...this.#sessions].map((session) => session.close()));
    using deadline = startDeadline(undefined, { ms: graceMs, what: "requests under way" });
    try {
      await raceAbort(all, deadline.signal);
    } catch (error) {
      if (!AppError.is(error, "TIMEOUT")) throw error;
      await this.destroy();
    }
  }

  /** Stops listening and removes the name, unless it is another's by now. */
  #unlist(): Promise<void> {
    this.#unlisted ??= (async () => {
      this.#server.close();
      const now = await stat(this.path).catch(() => undefined); // gone already
      if (now !== undefined && now.ino === this.#inode) await unlink(this.path);
    })();
    return this.#unlisted;
  }

  /** False when every connection is in use. */
  #letIdleGo(): boolean {
    let longest: { readonly session: Session; readonly since: number } | undefined;
    for (const session of this.#sessions) {
      const since = session.idleSince;
      if (since !== undefined && since < (longest?.since ?? Number.POSITIVE_INFINITY)) longest = { session, since };
    }
    if (!longest) return false;
    this.#sessions.delete(longest.session); // it has no handler that could be waited for
    void longest.session.destroy(new AppError("CANCELLED", "others needed the connection"));
    return true;
  }

  #onConnection(socket: Socket): void {
    socket.on("error", () => undefined); // told by the session, or nobody is concerned
    if (this.#unlisted !== undefined) {
      socket.destroy(); // accepted just before the name went
      return;
    }
    try {
      if (this.#sessions.size >= this.#parts.maxConnections && !this.#letIdleGo()) {
        throw new AppError("DAEMON_BUSY", `${this.#parts.maxConnections} connections are in use`);
      }
      const peer = this.#parts.peerOf(socketFd(socket));
      this.#parts.authorize(peer);
      const session = new Session(socket, { ...this.#parts.session, peer });
      this.#sessions.add(session);
      void session.closed.then(() => this.#sessions.delete(session));
    } catch (error) {
      if (AppError.is(error)) sendRefusal(new Channel(socket), error);
      else {
        this.#parts.session.onInternalError(error, "connection");
        socket.destroy();
      }
    }
  }
}

/** Binds under a name of its own, and takes the real one when mode and all are right; gives the socket's inode. */
async function publish(server: Server, path: string, mode: number): Promise<number> {
  const temporary = `${path}.${randomBytes(2).toString("hex")}`;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen(temporary, resolve);
  await promise;
  server.off("error", reject);
  try {
    await chmod(temporary, mode);
    const { ino } = await stat(temporary);
    await rename(temporary, path);
    return ino;
  } catch (error) {
    server.close(); // removes the temporary name too
    throw error;
  }
}

async function refuseLiveSocket(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined); // nothing there, the usual case
  if (found === undefined) return;
  if (!found.isSocket())
    throw new AppError("STATE_UNSAFE", `${path} is in the way and not a socket`, { facts: { path } });
  const probe = connect({ path });
  const { promise, resolve } = Promise.withResolvers<boolean>();
  probe.once("connect", () => resolve(true));
  probe.once("error", () => resolve(false));
  using deadline = startDeadline(undefined, { ms: PROBE_MS, what: `an answer at ${path}` });
  try {
    const live = await raceAbort(promise, deadline.signal);
    if (live) throw new AppError("STATE_LOCKED", `another server answers at ${path}`, { facts: { path } });
  } finally {
    probe.destroy();
  }
}
