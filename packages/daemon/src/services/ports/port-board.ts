/**
 * Machines and what listens in them, kept current while somebody looks and not otherwise. Guests are asked to tell of
 * changes; one that tells a thousand of them a second is heard a few times.
 */
import type { VmState } from "@banger/contract/daemon/vm";
import type { VmId } from "@banger/contract/ids";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import { type GuestPort, watchPorts } from "../guest/ports.ts";
import type { LiveMachine } from "../vm/deps.ts";
import type { VmStore } from "../vm/vm-store.ts";
import { type OpenPort, openPorts } from "./open-ports.ts";

/** undefined before the machine has told */
type Ports = readonly OpenPort[] | undefined;

export type BoardMachine = { readonly name: string; readonly state: VmState; readonly ports: Ports };

export type BoardDeps = {
  readonly store: Pick<VmStore, "list" | "subscribe">;
  readonly live: ReadonlyMap<VmId, LiveMachine>;
};

type Watch = { readonly guest: GuestChannel; ports: readonly GuestPort[] | undefined; unsubscribe: () => void };

const PACE_MS = 200;
const GUEST_MS = 30_000;

export class PortBoard implements Disposable {
  readonly #deps: BoardDeps;
  readonly #watchers = new Set<() => void>();
  readonly #watches = new Map<VmId, Watch>();
  #unsubscribe: (() => void) | undefined;
  #pace: NodeJS.Timeout | undefined;

  constructor(deps: BoardDeps) {
    this.#deps = deps;
  }

  machines(): readonly BoardMachine[] {
    return this.#deps.store.list().map(({ record, state }) => ({
      name: record.name,
      state,
      ports: this.#told(record.id),
    }));
  }

  #told(id: VmId): Ports {
    const ports = this.#watches.get(id)?.ports;
    return ports && openPorts(ports);
  }

  /** `changed` is called after changes, not more often than a few times a second. */
  watch(changed: () => void): Disposable {
    this.#watchers.add(changed);
    this.#unsubscribe ??= this.#deps.store.subscribe(() => this.#touched());
    this.#follow();
    return {
      [Symbol.dispose]: () => {
        this.#watchers.delete(changed);
        if (this.#watchers.size === 0) this[Symbol.dispose]();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
    clearTimeout(this.#pace);
    this.#pace = undefined;
    for (const { unsubscribe } of this.#watches.values()) unsubscribe();
    this.#watches.clear();
    this.#watchers.clear();
  }

  #touched(): void {
    this.#pace ??= setTimeout(() => {
      this.#pace = undefined;
      this.#follow();
      for (const changed of this.#watchers) changed();
    }, PACE_MS).unref();
  }

  /** Watches those that run, and only those. */
  #follow(): void {
    const { store, live } = this.#deps;
    const running = new Map(
      store.list().flatMap(({ record, state }) => {
        const guest = state === "running" ? live.get(record.id)?.guest : undefined;
        return guest ? [[record.id, guest] as const] : [];
      }),
    );
    for (const [id, watch] of this.#watches) {
      if (running.get(id) === watch.guest) continue;
      watch.unsubscribe();
      this.#watches.delete(id);
    }
    for (const [id, guest] of running) if (!this.#watches.has(id)) this.#begin(id, guest);
  }

  #begin(id: VmId, guest: GuestChannel): void {
    const watch: Watch = { guest, ports: undefined, unsubscribe: () => undefined };
    this.#watches.set(id, watch);
    const told = (ports: readonly GuestPort[]) => {
      watch.ports = ports;
      this.#touched();
    };
    // An agent that was replaced, or has forgotten its session, has forgotten that it was asked.
    const stopListening = guest.subscribe({ opened: () => void this.#ask(watch, told) });
    watch.unsubscribe = stopListening;
    void this.#ask(watch, told);
  }

  async #ask(watch: Watch, told: (ports: readonly GuestPort[]) => void): Promise<void> {
    const stopListening = watch.unsubscribe;
    try {
      const { ports, unsubscribe } = await watchPorts(watch.guest, told, { deadlineMs: GUEST_MS });
      watch.unsubscribe = () => {
        stopListening();
        unsubscribe();
      };
      if (![...this.#watches.values()].includes(watch)) watch.unsubscribe();
      told(ports);
    } catch {
      // A guest that does not answer shows no ports; it is asked again when it comes back.
    }
  }
}
