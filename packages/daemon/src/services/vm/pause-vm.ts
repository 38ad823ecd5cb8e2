/**
 * Holds a machine where it is, and lets it go on. Its row says `paused` before it is so and until it is no longer: who asks
 * something of the guest meanwhile is refused at once, and never waits for one that is held.
 */
import type { VmId } from "@banger/contract/ids";
import { withDeadline } from "@banger/platform/time/deadline";
import { configure } from "../guest/configure.ts";
import type { LiveMachine, VmDeps } from "./deps.ts";
import { notRunning } from "./not-running.ts";
import { mustGet } from "./start-vm.ts";
import { undoing } from "./undoing.ts";
import type { Machine } from "./vm-store.ts";

type Waiting = { readonly signal: AbortSignal };

const VMM_MS = 10_000;
const GUEST_MS = 60_000;

export async function pauseVm(deps: VmDeps, id: VmId, { signal }: Waiting): Promise<void> {
  const { machine, live } = mustBeUp(deps, id);
  const { name } = machine.record;
  await undoing({ name, log: deps.log }, async (rollback) => {
    rollback.guard("pause", async (undo) => {
      await live.process.resume({ signal: undo });
      deps.store.observe(id, { state: "running" });
    });
    deps.store.update(id, { state: "paused" });
    const waiting = { signal, ms: VMM_MS, what: `the VMM of ${name} to pause` };
    await withDeadline((within) => live.process.pause({ signal: within }), waiting);
  });
}

/** Its clock stood still, and its name and environment may have changed: it is told all of them. */
export async function resumeVm(deps: VmDeps, id: VmId, { signal }: Waiting): Promise<void> {
  const { machine, live } = mustBeUp(deps, id);
  const { name, environment } = machine.record;
  await undoing({ name, log: deps.log }, async (rollback) => {
    rollback.guard("resume", (undo) => live.process.pause({ signal: undo }));
    const waiting = { signal, ms: VMM_MS, what: `the VMM of ${name} to go on` };
    await withDeadline((within) => live.process.resume({ signal: within }), waiting);
    const clockNs = BigInt(Math.round(deps.clock.now())) * 1_000_000n;
    await configure(live.guest, { hostname: name, environment, clockNs }, { signal, deadlineMs: GUEST_MS });
    deps.store.update(id, { state: "running", lastError: null });
  });
}

/** One that ended by itself a moment ago is not cleaned up yet, but there is nobody to talk to. */
function mustBeUp(deps: VmDeps, id: VmId): { machine: Machine; live: LiveMachine } {
  const machine = mustGet(deps, id);
  const live = deps.live.get(id);
  if (live) return { machine, live };
  throw notRunning(machine.record.name, "stopped");
}
