/** What the machine procedures can touch. One bag, made in compose.ts; tests replace single entries. */
import type { AgentBuild } from "@banger/contract/guest/agent-build";
import type { VmId } from "@banger/contract/ids";
import type { Logger } from "@banger/platform/log";
import type { Clock } from "@banger/platform/time/clock";
import type { Accelerator, VmmDriver, VmmProcess } from "@banger/vmm/driver";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import type { Capability } from "./capability.ts";
import type { VmStore } from "./vm-store.ts";

/** A machine that runs: its VMM and the channel to its agent. In memory only; handles.json finds it again. */
export type LiveMachine = { readonly process: VmmProcess; readonly guest: GuestChannel };

/** A channel to the agent in a machine; it connects at once and again, as long as the VMM lives. */
export type OpenGuest = (process: VmmProcess) => GuestChannel;

export type BootFiles = { readonly kernel: string; readonly initramfs: string };

export type VmDeps = {
  readonly store: VmStore;
  readonly live: Map<VmId, LiveMachine>;
  readonly driver: VmmDriver;
  /** the agent that machines get now */
  readonly agent: AgentBuild;
  readonly capabilities: readonly Capability[];
  /** the directory that holds a directory per machine */
  readonly machines: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly newNonce: () => string;
  readonly accelerator: (options: { signal: AbortSignal }) => Promise<Accelerator>;
  /** the file that this driver boots, and the initramfs with this build's agent */
  readonly bootFiles: (kernel: string, options: { signal: AbortSignal }) => Promise<BootFiles>;
  readonly openGuest: OpenGuest;
  /** how long a guest may take until its agent answers, `ms` */
  readonly bootMs: number;
};
