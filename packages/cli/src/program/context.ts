/** Everything that a command's body may touch. Nothing of it is global, so that tests hand in their own. */
import type { Build } from "@banger/contract/daemon/system";
import type { BangerClient } from "@banger/sdk/client";
import type { DaemonPlaces } from "@banger/sdk/daemon/places";
import type { ProjectPlace, Settings } from "../config/settings.ts";
import type { Output } from "../output/output.ts";
import type { Interrupts } from "../terminal/interrupts.ts";
import type { Terminal } from "../terminal/terminal.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export type DaemonAccess = {
  readonly places: DaemonPlaces;
  /** a connection to the user's daemon, which is started if need be */
  connect(): Promise<BangerClient>;
  /** undefined when it does not run */
  find(): Promise<BangerClient | undefined>;
  /** whichever daemon runs, of whatever build; one is started if none does */
  reach(): Promise<BangerClient>;
  /** becomes the daemon; does not come back */
  become(): Promise<never>;
};

export type Context = {
  readonly build: Build;
  readonly daemon: DaemonAccess;
  readonly out: Output;
  readonly err: Output;
  readonly terminal: Terminal;
  readonly interrupts: Interrupts;
  /** aborts at the first signal, with CANCELLED, while no command in a machine is to get it */
  readonly signal: AbortSignal;
  readonly env: Env;
  /** what is configured, read anew: by variables, by the project there if one is asked for, by the user */
  readonly settings: (project: ProjectPlace) => Promise<Settings>;
  /** rejects with the signal's reason when that aborts first */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Unix time, `ms` */
  readonly now: () => number;
};
