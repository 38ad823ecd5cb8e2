/** What every machine gets, in the order in which it is prepared. */
import type { Capability } from "../capability.ts";
import { type IdentityDeps, identity } from "./identity.ts";
import { memory } from "./memory.ts";
import { modulesDisk } from "./modules-disk.ts";
import { type PortListeners, publishedPorts } from "./published-ports.ts";
import { type RootDiskDeps, rootDisk } from "./root-disk.ts";
import { type WorkDiskDeps, workDisk } from "./work-disk.ts";

export type CapabilityDeps = IdentityDeps &
  RootDiskDeps &
  WorkDiskDeps &
  Parameters<typeof memory>[0] &
  Parameters<typeof modulesDisk>[0] & { readonly listeners: PortListeners };

export function capabilities(deps: CapabilityDeps): readonly Capability[] {
  return [
    memory(deps),
    rootDisk(deps),
    workDisk(deps),
    modulesDisk(deps),
    identity(deps),
    publishedPorts(deps.listeners),
  ];
}
