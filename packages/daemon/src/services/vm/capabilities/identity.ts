/** Who the machine is: pushed through the agent at each start, never baked into an image. */
import type { Capability } from "../capability.ts";

export type IdentityDeps = { readonly randomBytes: (bytes: number) => Uint8Array };

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
  };
}
