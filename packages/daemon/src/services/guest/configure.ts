/**
 * Who the machine is, pushed into it: one request serves cold boot, restore and fork, and only what is given changes.
 */
import type { GuestText } from "@banger/contract/guest-text";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";

export type ConfigureRequest = {
  readonly hostname?: string;
  /** 32 hexadecimal digits */
  readonly machineId?: string;
  /** Unix time, `ns` */
  readonly clockNs?: bigint;
  /** added to the pool, and the generator is reseeded */
  readonly entropy?: Uint8Array;
  readonly addresses?: readonly { readonly mac: string; readonly cidr: string; readonly gateway?: string }[];
  readonly routes?: readonly { readonly cidr: string; readonly via: string }[];
  readonly resolvers?: readonly string[];
  readonly searchDomains?: readonly string[];
  readonly authorizedKeys?: readonly string[];
  readonly hostKeys?: readonly { readonly file: string; readonly private: string; readonly public: string }[];
  /** `K=V`, for every command */
  readonly environment?: readonly string[];
  /** the last step after a restore or fork */
  readonly thaw?: boolean;
};

/** A list without entries would leave what was set before. HOME is every user's own, whatever is set here. */
const NO_VARIABLES = ["HOME=/"];

/** Resolves with the steps that were applied. */
export async function configure(
  channel: GuestChannel,
  request: ConfigureRequest,
  waiting: Waiting,
): Promise<readonly GuestText[]> {
  const fields = {
    hostname: request.hostname,
    machineId: request.machineId,
    clock: request.clockNs,
    entropy: request.entropy,
    address: request.addresses,
    route: request.routes,
    resolver: request.resolvers,
    searchDomain: request.searchDomains,
    authorizedKey: request.authorizedKeys,
    hostKey: request.hostKeys,
    environment: request.environment?.length === 0 ? NO_VARIABLES : request.environment,
    thaw: request.thaw === true ? 1 : undefined,
  };
  const { applied } = await channel.request("configure", fields, waiting);
  return applied;
}
