/** Who the machine is: pushed through the agent at each start, never baked into an image. */
import type { Capability } from "../capability.ts";

export type IdentityDeps = { readonly randomBytes: (bytes: number) => Uint8Array };

const ENTROPY_BYTES = 64;

export function identity(deps: IdentityDeps): Capability {
  return {
    name: "identity",
    prepareHost({ record }) {
      return Promise.resolve({
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
