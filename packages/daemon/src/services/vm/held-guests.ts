/**
 * What holds a guest is for its VMM to say. It is asked when a guest is missed, and when an order to it was not answered: until
 * then a row tells what the VMM said last, and from then on what it says now. Nobody waits for this, and no turn is held
 * while a VMM is silent.
 */
import { AppError, describeChain } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import type { Actors } from "@banger/platform/actor";
import type { Hold } from "@banger/vmm/driver";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { isUp } from "./lifecycle.ts";
import type { LastError, Machine } from "./vm-store.ts";

export type HeldGuestsDeps = Pick<VmDeps, "store" | "live" | "clock" | "log"> & { readonly actors: Actors };

/** between two questions to a VMM that does not answer */
const PAUSE_MS = 5_000;

const NO_SPACE: LastError = {
  code: "DISK_FULL",
  message: "the VMM holds its guest, as it does when there is no space for what that writes",
};
export const VMM_SILENT: LastError = { code: "VMM_SILENT", message: "its VMM does not answer" };

export class HeldGuests {
  readonly #deps: HeldGuestsDeps;
  /** those that are looked at now */
  readonly #looking = new WeakSet<LiveMachine>();

  constructor(deps: HeldGuestsDeps) {
    this.#deps = deps;
  }

  /** Writes down what its VMM says, as soon as it says anything; asked again meanwhile, it does nothing. */
  look(id: VmId, live: LiveMachine): void {
    if (this.#looking.has(live)) return;
    this.#looking.add(live);
    this.#untilTold(id, live)
      .catch((error: unknown) => {
        // the machine or the daemon goes, and nothing is left to be found out
        this.#deps.log.debug("VMM did not tell its state", { machine: id, error: describeChain(error) });
      })
      .finally(() => this.#looking.delete(live));
  }

  async #untilTold(id: VmId, live: LiveMachine): Promise<void> {
    const { actors, clock } = this.#deps;
    const over = new AbortController();
    const { signal } = over;
    const unsubscribe = live.guest.subscribe({ ended: (error) => over.abort(error) });
    try {
      while (!(await this.#tells(id, live, signal))) await clock.sleep(PAUSE_MS, { signal });
      await actors.run(id, () => this.#write(id, live, signal), { signal });
    } finally {
      unsubscribe();
    }
  }

  async #tells(id: VmId, live: LiveMachine, signal: AbortSignal): Promise<boolean> {
    try {
      await live.process.hold({ signal });
      return true;
    } catch (error) {
      if (!AppError.is(error, "VMM_SILENT")) throw error;
      const machine = this.#of(id, live);
      if (machine && machine.lastError === null) {
        this.#deps.log.warn("VMM does not answer", { machine: id });
        this.#deps.store.observe(id, { lastError: VMM_SILENT });
      }
      return false;
    }
  }

  /** In the machine's turn it is asked again: what it said before may have been said in the middle of another's order. */
  async #write(id: VmId, live: LiveMachine, signal: AbortSignal): Promise<void> {
    const hold = await live.process.hold({ signal });
    const machine = this.#of(id, live);
    if (!machine) return;
    const change = correction(machine, hold);
    if (!change) return;
    this.#deps.log.warn("the VMM says otherwise", { machine: id, written: machine.state, hold });
    this.#deps.store.observe(id, change);
  }

  /** While it is this run of it, and up. */
  #of(id: VmId, live: LiveMachine): Machine | undefined {
    const machine = this.#deps.live.get(id) === live ? this.#deps.store.get(id) : undefined;
    return machine && isUp(machine.state) ? machine : undefined;
  }
}

/** What a row has to be told by a VMM that has spoken. */
export function correction(
  { state: written, lastError }: Machine,
  hold: Hold,
): Pick<Machine, "state" | "lastError"> | undefined {
  const state = hold === "none" ? "running" : "paused";
  const wasSilent = lastError?.code === VMM_SILENT.code;
  if (state === written && !wasSilent) return undefined;
  return { state, lastError: hold === "no-space" ? NO_SPACE : wasSilent ? null : lastError };
}
