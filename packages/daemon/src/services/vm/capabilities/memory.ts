/** Refuses a machine that the host has no memory for, before anything is made. */
import { AppError } from "@banger/contract/errors";
import type { Capability } from "../capability.ts";

/** what the VMM itself takes, and what the host needs to stay alive, MiB */
const VMM_MIB = 64;
const HOST_MIB = 128;

export function memory(deps: { readonly availableMib: () => Promise<number> }): Capability {
  return {
    name: "memory",
    async preflight({ record }) {
      const available = await deps.availableMib();
      const needed = record.memoryMib + VMM_MIB + HOST_MIB;
      if (available >= needed) return;
      const message = `${record.name} needs ${needed} MiB of memory, the host has ${available} MiB available`;
      throw new AppError("MEMORY_SHORT", message, { facts: { neededMib: needed, availableMib: available } });
    },
  };
}
