/** What is begun anew for machines that were adopted. None of it is waited for: a guest may take its time, or be held. */
import { describeChain } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import type { Exec } from "@banger/platform/exec/run";
import type { Logger } from "@banger/platform/log";
import type { Composed } from "../compose.ts";
import { agentBuild, bringUpToDate } from "../services/guest/current-agent.ts";
import type { LiveMachine, VmDeps } from "../services/vm/deps.ts";

/** Machines that run go on being watched, get this build's agent, and have their background commands followed again. */
export function resume(
  adopted: readonly VmId[],
  { services, vmDeps, background }: Composed,
  { exec, agent }: { exec: Exec; agent: string },
): void {
  for (const id of adopted) {
    const live = vmDeps.live.get(id);
    if (!live) continue;
    services.vm.watch(id);
    void services.machinePorts.resume(id);
    const expected = background.expect(id);
    const never = () => expected[Symbol.dispose]();
    const goesOn = () => {
      const log = vmDeps.log.child({ machine: id });
      const build = agentBuild(exec, agent);
      build.catch(() => undefined); // told to whoever awaits it, which may be never
      const after = upToDate(live, { file: agent, build, log });
      services.exec
        .rejoin(id, live, { after })
        .catch((error: unknown) => log.warn("commands not followed again", { error: describeChain(error) }));
    };
    whenRunning(vmDeps.store, id, { goesOn, never });
  }
}

type Outcome = { readonly goesOn: () => void; readonly never: () => void };

/** At once, or when a guest that is held goes on; never when its machine ends before. */
function whenRunning(store: VmDeps["store"], id: VmId, { goesOn, never }: Outcome): void {
  if (store.get(id)?.state === "running") {
    goesOn();
    return;
  }
  const unsubscribe = store.subscribe(() => {
    const state = store.get(id)?.state;
    if (state === "paused") return;
    unsubscribe();
    if (state === "running") goesOn();
    else never();
  });
}

async function upToDate(
  { guest }: LiveMachine,
  { file, build, log }: { file: string; build: Promise<string>; log: Logger },
): Promise<void> {
  try {
    const done = await bringUpToDate(guest, { file, build }, {});
    if (done === "upgraded") log.info("agent upgraded");
  } catch (error) {
    log.warn("agent not brought up to date", { error: describeChain(error) });
  }
}
