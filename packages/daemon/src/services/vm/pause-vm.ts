/**
 * Holds a machine where it is, and lets it go on. Its row says `paused` before it is so and until it is no longer: who asks
 * something of the guest meanwhile is refused at once, and never waits for one that is held.
 */
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import type { Rollback } from "@banger/platform/rollback";
import { configure } from "../guest/configure.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { type HeldGuests, VMM_SILENT } from "./held-guests.ts";
import { notRunning } from "./not-running.ts";
import { undoing } from "./undoing.ts";
import type { Machine } from "./vm-store.ts";

type Waiting = { readonly signal: AbortSignal };
type PauseDeps = VmDeps & { readonly held: Pick<HeldGuests, "look"> };

const GUEST_MS = 60_000;

export async function pauseVm(deps: PauseDeps, id: VmId, { signal }: Waiting): Promise<void> {
  const up = mustBeUp(deps, id);
  await undoing({ name: up.machine.record.name, log: deps.log }, async (rollback) => {
    rollback.guard("row", async () => deps.store.observe(id, { state: "running" }));
    deps.store.update(id, { state: "paused" });
    await order(deps, up, { what: "paused", todo: "pause", undo: "resume", rollback, signal });
  });
}

/** Its clock stood still, and its name and environment may have changed: it is told all of them. */
export async function resumeVm(deps: PauseDeps, id: VmId, { signal }: Waiting): Promise<void> {
  const up = mustBeUp(deps, id);
  const { name, environment } = up.machine.record;
  await undoing({ name, log: deps.log }, async (rollback) => {
    await order(deps, up, { what: "resumed", todo: "resume", undo: "pause", rollback, signal });
    const clockNs = BigInt(Math.round(deps.clock.now())) * 1_000_000n;
    await configure(up.live.guest, { hostname: name, environment, clockNs }, { signal, deadlineMs: GUEST_MS });
    deps.store.update(id, { state: "running", lastError: null });
  });
}

type Order = Waiting & {
  readonly what: string;
  readonly todo: "pause" | "resume";
  readonly undo: "pause" | "resume";
  readonly rollback: Rollback;
};

/**
 * Has the VMM do it, and the opposite when anything fails. One that did not answer is not asked again, which would take as
 * long once more: what it made of the order is written down when it tells.
 */
async function order(deps: PauseDeps, { machine, live }: Up, { what, todo, undo, rollback, signal }: Order) {
  const { id, name } = machine.record;
  let isSilent = false;
  rollback.guard("VMM", async (within) => {
    if (isSilent) return;
    await live.process[undo]({ signal: within }).catch((error: unknown) => {
      // its end is told to the machine's queue, and nothing of it is held any more
      if (!AppError.is(error, "VMM_DIED")) throw error;
    });
  });
  try {
    await live.process[todo]({ signal });
  } catch (error) {
    if (!AppError.is(error, "VMM_SILENT")) throw error;
    isSilent = true;
    deps.store.observe(id, { lastError: VMM_SILENT });
    deps.held.look(id, live);
    const { deadlineMs } = error.facts;
    const long = deadlineMs === undefined ? "does not answer" : `did not answer within ${deadlineMs} ms`;
    const facts = { machine: name, ...(deadlineMs !== undefined && { deadlineMs }) };
    throw new AppError("VMM_SILENT", `${name} can not be ${what}: its VMM ${long}`, { facts, cause: error });
  }
}

type Up = { readonly machine: Machine; readonly live: LiveMachine };

/** One that ended by itself a moment ago is not cleaned up yet, but there is nobody to talk to. */
function mustBeUp(deps: VmDeps, id: VmId): Up {
  const machine = deps.store.mustGet(id);
  const live = deps.live.get(id);
  if (live) return { machine, live };
  throw notRunning(machine.record.name, "stopped");
}
