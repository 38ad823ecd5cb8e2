/**
 * Plain TCP from a port of the host to one of a machine. A port is listened on while its machine runs; who may connect
 * is judged for each connection, and bytes go through no faster than they are taken.
 */
import type { Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import type { PublishedPort } from "@banger/contract/daemon/port";
import { AppError, describeChain } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { errnoOf } from "@banger/platform/fs/errno";
import type { Logger } from "@banger/platform/log";
import type { PortOwner } from "@banger/platform/process/port-owner";
import { CheckedListener } from "./checked-listener.ts";
import type { LoopbackGate } from "./loopback-gate.ts";
import type { OpenPort } from "./open-port.ts";

export type PublishedPortsDeps = {
  readonly gate: LoopbackGate;
  readonly openPort: OpenPort<{ id: VmId }>;
  /** the process of this host that listens on a port, if it may be known */
  readonly ownerOf: (port: number) => Promise<PortOwner | undefined>;
  /** a machine may have another name by now than when its port was opened */
  readonly nameOf: (id: VmId) => string | undefined;
  readonly log: Logger;
};

export type Publisher = { readonly id: VmId; readonly name: string };
type Listening = { readonly of: Publisher; readonly port: PublishedPort; readonly listener: CheckedListener };

export class PublishedListeners implements AsyncDisposable {
  readonly #deps: PublishedPortsDeps;
  readonly #listening = new Set<Listening>();
  readonly #stop = new AbortController();

  constructor(deps: PublishedPortsDeps) {
    this.#deps = deps;
  }

  isListening(id: VmId, port: PublishedPort): boolean {
    return this.#of(id).some((one) => samePort(one.port, port));
  }

  /** All of them or none. Throws PORT_TAKEN with the owner, or PORT_UNUSABLE. Those that are there already stay. */
  async open(of: Publisher, ports: readonly PublishedPort[]): Promise<AsyncDisposable> {
    if (this.#stop.signal.aborted) throw new AppError("CANCELLED", "the daemon is shutting down");
    await using opened = new AsyncDisposableStack();
    for (const port of ports) {
      if (!this.isListening(of.id, port)) opened.use(await this.#open(of, port));
    }
    return opened.move();
  }

  /** Some of a machine's ports, or all. */
  async close(id: VmId, ports?: readonly PublishedPort[]): Promise<void> {
    const chosen = this.#of(id).filter(({ port }) => ports === undefined || ports.some((one) => samePort(one, port)));
    for (const one of chosen) this.#listening.delete(one);
    await Promise.all(chosen.map(({ listener }) => listener[Symbol.asyncDispose]()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#listening].map(({ of, port }) => this.close(of.id, [port])));
  }

  #of(id: VmId): readonly Listening[] {
    return [...this.#listening].filter(({ of }) => of.id === id);
  }

  async #open(of: Publisher, port: PublishedPort): Promise<AsyncDisposable> {
    const { address, host } = port;
    try {
      const serve = (socket: Socket) => void this.#serve(of, port.guest, socket);
      const listener = await CheckedListener.open({ address, port: host, gate: this.#deps.gate, serve, foreign: true });
      this.#listening.add({ of, port, listener });
      return { [Symbol.asyncDispose]: () => this.close(of.id, [port]) };
    } catch (error) {
      throw await this.#whyNot(port, error);
    }
  }

  async #serve({ id, name }: Publisher, port: number, socket: Socket): Promise<void> {
    const gone = new AbortController();
    socket.once("close", () => gone.abort());
    try {
      const guest = await this.#deps.openPort({ id, port }, AbortSignal.any([gone.signal, this.#stop.signal]));
      await Promise.all([pipeline(socket, guest), pipeline(guest, socket)]).finally(() => guest.destroy());
    } catch (error) {
      // As a port does on which nobody listens any more.
      socket.resetAndDestroy();
      this.#deps.log.debug("published connection ended", { machine: name, port, error: describeChain(error) });
    }
  }

  async #whyNot({ address, host }: PublishedPort, cause: unknown): Promise<AppError> {
    const code = errnoOf(cause);
    const facts = { address, port: host };
    if (code === "EADDRINUSE") return await this.#taken({ address, host }, cause);
    if (code === "EACCES") {
      const message = `port ${host} of ${address} may be used by root only`;
      const hint = "Choose a port from 1024 on, or lower net.ipv4.ip_unprivileged_port_start.";
      return new AppError("PORT_UNUSABLE", message, { facts, hint, cause });
    }
    if (code !== "EADDRNOTAVAIL")
      return new AppError("PORT_UNUSABLE", `port ${host} of ${address} can not be listened on`, { facts, cause });
    return new AppError("PORT_UNUSABLE", `this host has no address ${address}`, { facts, cause });
  }

  async #taken({ address, host }: { address: string; host: number }, cause: unknown): Promise<AppError> {
    const ours = [...this.#listening].find(({ port }) => port.host === host);
    const owner = ours ? undefined : await this.#deps.ownerOf(host).catch(() => undefined); // then nobody is named
    const name = ours && (this.#deps.nameOf(ours.of.id) ?? ours.of.name);
    const who = ours
      ? `machine ${name}`
      : owner
        ? `${owner.name} (process ${owner.pid})`
        : "a process that can not be seen";
    const facts = {
      address,
      port: host,
      ...(name !== undefined && { machine: name }),
      ...(owner && { pid: owner.pid }),
    };
    return new AppError("PORT_TAKEN", `port ${host} of ${address} is taken by ${who}`, { facts, cause });
  }
}

export function samePort(one: PublishedPort, other: PublishedPort): boolean {
  return one.address === other.address && one.host === other.host && one.guest === other.guest;
}
