/** Everything with an effect that the daemon is given. Tests replace single ports, and compose the rest as it is shipped. */
import type { Exec } from "@banger/platform/exec/run";
import type { Logger } from "@banger/platform/log";
import type { Native } from "@banger/platform/native";
import type { PortOwner } from "@banger/platform/process/port-owner";
import type { Processes } from "@banger/platform/process/processes";
import type { Connection } from "@banger/platform/process/socket-table";
import type { Clock } from "@banger/platform/time/clock";
import type { VmmDriver } from "@banger/vmm/driver";
import type { Builder } from "./services/image/namespace.ts";
import type { OpenGuest } from "./services/vm/deps.ts";
import type { Host } from "./services/vm/new-machine.ts";

export type Ports = {
  readonly exec: Exec;
  readonly native: Native;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Logger;
  readonly randomBytes: (bytes: number) => Buffer;
  readonly uid: number;
  readonly pid: number;
  /** the daemon's own memory, bytes */
  readonly residentBytes: () => number;
  readonly host: Host;
  /** what the host could give a new machine, MiB */
  readonly availableMib: () => Promise<number>;
  /** directories in which programs are found */
  readonly programPath: string;
  /** proxies from the environment, such as `http_proxy` */
  readonly proxyEnv: Readonly<Record<string, string>>;
  /** who builds images */
  readonly builder: Builder;
  readonly driver: VmmDriver;
  readonly openGuest: OpenGuest;
  /** whose socket is at the other end of a connection within this host */
  readonly peerUid: (connection: Connection) => Promise<number | undefined>;
  /** who listens on a TCP port of this host */
  readonly portOwner: (port: number) => Promise<PortOwner | undefined>;
};
