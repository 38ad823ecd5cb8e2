/** Who the machine is: pushed through the agent at each start, never baked into an image. */
import { configure } from "../../guest/configure.ts";
import type { Capability, Waiting } from "../capability.ts";
import type { MachineRecord } from "../machine-record.ts";

export type IdentityDeps = { readonly randomBytes: (bytes: number) => Uint8Array };

/** a guest that is up answers in milliseconds, one that is starved takes longer */
const GUEST_MS = 30_000;
const ENTROPY_BYTES = 64;
/** how long the image's init waits to be told who it is, seconds; it is told in milliseconds, or boots without */
const PATIENCE_SECONDS = 10;

export function identity(deps: IdentityDeps): Capability {
  return {
    name: "identity",
    prepareHost({ record }) {
      return Promise.resolve({
        commandLine: [`banger.configure=${PATIENCE_SECONDS}`],
        configure: {
          hostname: record.name,
          machineId: record.machineId,
          entropy: deps.randomBytes(ENTROPY_BYTES),
          environment: record.environment,
        },
      });
    },
    async applyChange({ record }, { asked, before, live, rollback }, { signal }) {
      if (asked.name === undefined && asked.environment === undefined && asked.unset === undefined) return;
      const tell = ({ name, environment }: MachineRecord, waiting: Waiting) =>
        configure(live.guest, { hostname: name, environment }, { ...waiting, deadlineMs: GUEST_MS });
      rollback.guard("identity", async (undo) => void (await tell(before, { signal: undo })));
      await tell(record, { signal });
    },
  };
}
