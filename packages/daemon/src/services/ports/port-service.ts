/** Ports of machines as clients see them: what is open, what is published for as long as the machine exists, and tunnels. */
import { isIPv6 } from "node:net";
import type { PortList, PortView, PublishedPort, TakenPort } from "@banger/contract/daemon/port";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import type { Actors } from "@banger/platform/actor";
import { raceAbort } from "@banger/platform/time/deadline";
import { listPorts } from "../guest/ports.ts";
import type { VmDeps } from "../vm/deps.ts";
import { findMachine } from "../vm/find-machine.ts";
import { isUp } from "../vm/lifecycle.ts";
import { machineFiles } from "../vm/machine-files.ts";
import { writeManifest } from "../vm/manifest.ts";
import { notRunning } from "../vm/not-running.ts";
import { undoing } from "../vm/undoing.ts";
import type { Machine } from "../vm/vm-store.ts";
import { linkTo } from "./host-name.ts";
import { openPorts } from "./open-ports.ts";
import { probePorts } from "./probe.ts";
import { type PublishedListeners, samePort } from "./published-listeners.ts";

export type PortServiceDeps = Pick<VmDeps, "store" | "live" | "machines" | "log"> & {
  readonly listeners: PublishedListeners;
  /** the queues of the machines, so that no start writes an older record over a new one */
  readonly actors: Actors;
  /** of the HTTP gateway, while it listens */
  readonly gatewayPort: () => number | undefined;
};

type Waiting = { readonly signal: AbortSignal };
type Ports = readonly PublishedPort[];

const GUEST_MS = 10_000;

export class PortService {
  readonly #deps: PortServiceDeps;

  constructor(deps: PortServiceDeps) {
    this.#deps = deps;
  }

  async list(ref: string, { signal }: Waiting): Promise<PortList> {
    const { record, state } = this.#find(ref);
    const live = state === "running" ? this.#deps.live.get(record.id) : undefined;
    const found = live ? openPorts(await listPorts(live.guest, { signal, deadlineMs: GUEST_MS })) : [];
    const tried =
      live && found.length > 0
        ? await probePorts(
            live.guest,
            found.map(({ port }) => port),
            { signal },
          )
        : [];
    const ports = found.map((open, at): PortView => {
      const protocol = tried[at] ?? "none";
      return { ...open, protocol, url: protocol === "http" ? this.#link(record.name, open.port) : null };
    });
    return { machine: { id: record.id, name: record.name }, ports, published: this.#published(record.id) };
  }

  async publish(ref: string, ports: Ports, { signal }: Waiting): Promise<PortList["published"]> {
    return await this.#inTurn(ref, signal, async (machine) => {
      const { record, state } = machine;
      const added = ports.filter((port) => !record.published.some((one) => samePort(one, port)));
      await using opened = new AsyncDisposableStack();
      if (isUp(state)) opened.use(await this.#deps.listeners.open(record, added));
      await this.#write(machine, [...record.published, ...added]);
      opened.move();
    });
  }

  async unpublish(ref: string, ports: readonly TakenPort[], { signal }: Waiting): Promise<PortList["published"]> {
    return await this.#inTurn(ref, signal, async (machine) => {
      const { record } = machine;
      const chosen = ports.map((port) => published(record, port));
      await this.#write(
        machine,
        record.published.filter((one) => !chosen.includes(one)),
      );
      await this.#deps.listeners.close(record.id, chosen);
    });
  }

  /** Listens until the signal aborts, which is how it ends, or the machine does. */
  async forward(ref: string, ports: Ports, options: Waiting & { listening: () => void }): Promise<void> {
    const { record, state } = this.#find(ref);
    const live = this.#deps.live.get(record.id);
    if (!live || state !== "running") throw notRunning(record.name, state);
    await using opened = await this.#deps.listeners.open(record, ports);
    options.listening();
    await raceAbort(live.process.exited, options.signal);
    void opened;
    throw new AppError("VM_NOT_RUNNING", `${record.name} has stopped`, { facts: { machine: record.name } });
  }

  /** A machine that was found running gets its ports back; one that somebody has taken meanwhile is missing, and told. */
  async resume(id: VmId): Promise<void> {
    const record = this.#deps.store.get(id)?.record;
    for (const port of record?.published ?? []) {
      if (record)
        await this.#deps.listeners.open(record, [port]).catch((error: unknown) => {
          this.#deps.log.warn("published port is not listened on", {
            machine: record.name,
            ...port,
            error: String(error),
          });
        });
    }
  }

  #find(ref: string): Machine {
    return findMachine(this.#deps.store.list(), ref);
  }

  #link(name: string, port: number): string | null {
    const gatewayPort = this.#deps.gatewayPort();
    return gatewayPort === undefined ? null : linkTo({ name, port, gatewayPort });
  }

  #published(id: VmId): PortList["published"] {
    const ports = this.#deps.store.get(id)?.record.published ?? [];
    return ports.map((port) => ({ ...port, listening: this.#deps.listeners.isListening(id, port) }));
  }

  async #inTurn(
    ref: string,
    signal: AbortSignal,
    work: (machine: Machine) => Promise<void>,
  ): Promise<PortList["published"]> {
    const { id } = this.#find(ref).record;
    await this.#deps.actors.run(id, () => work(this.#deps.store.mustGet(id)), { signal });
    return this.#published(id);
  }

  async #write({ record }: Machine, published: Ports): Promise<void> {
    const { store, machines, log } = this.#deps;
    const changed = { ...record, published: [...published] };
    await undoing({ name: record.name, log }, async (rollback) => {
      store.update(record.id, { record: changed });
      rollback.guard("record", async () => store.update(record.id, { record }));
      await writeManifest(machineFiles(machines, record.id), changed);
    });
  }
}

function published({ name, published }: Machine["record"], wanted: TakenPort): PublishedPort {
  const { address, host, guest } = wanted;
  const found = published.find((one) => samePort(one, { address, host, guest: guest ?? one.guest }));
  if (found) return found;
  const lead = guest === undefined ? "anything" : `its port ${guest}`;
  const others = published.map((one) => `${isIPv6(one.address) ? `[${one.address}]` : one.address}:${one.host}`);
  throw new AppError("PORT_NOT_FOUND", `${name} does not publish ${lead} as port ${host} of ${address}`, {
    hint: others.length === 0 ? "It publishes nothing." : `It publishes ${others.join(", ")}.`,
    facts: { machine: name, address, host, ...(guest !== undefined && { guest }) },
  });
}
