/** What every handler can reach. A handler parses nothing, decides nothing: it calls one service and gives the answer back. */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { Handlers } from "@banger/platform/rpc/methods";
import type { DoctorService } from "../services/doctor/doctor-service.ts";
import type { CommandService } from "../services/exec/command-service.ts";
import type { ExecService } from "../services/exec/exec-service.ts";
import type { WaitService } from "../services/exec/wait-service.ts";
import type { FileService } from "../services/files/file-service.ts";
import type { ImageService } from "../services/image/image-service.ts";
import type { KernelService } from "../services/kernel/kernel-service.ts";
import type { OperationRegistry } from "../services/operation/operation-registry.ts";
import type { PortService } from "../services/ports/port-service.ts";
import type { StatsService } from "../services/stats/stats-service.ts";
import type { DaemonService } from "../services/system/daemon-service.ts";
import type { ChangeService } from "../services/vm/change-service.ts";
import type { LifeService } from "../services/vm/life-service.ts";
import type { PruneService } from "../services/vm/prune-service.ts";
import type { VmService } from "../services/vm/vm-service.ts";

export type Services = {
  readonly vm: VmService;
  readonly life: LifeService;
  readonly changes: ChangeService;
  readonly exec: ExecService;
  readonly commands: CommandService;
  readonly waits: WaitService;
  readonly files: FileService;
  readonly stats: StatsService;
  readonly images: ImageService;
  readonly kernels: KernelService;
  readonly prune: PruneService;
  readonly operations: OperationRegistry;
  readonly machinePorts: PortService;
  readonly doctor: DoctorService;
  readonly daemon: DaemonService;
  /** names of the machines that use an image or a kernel */
  readonly usersOf: (id: string) => readonly string[];
};

/** The handlers of one area: those methods of the table whose names begin so. */
export type Area<Prefix extends string> = Pick<
  Handlers<DaemonMethods>,
  Extract<keyof DaemonMethods, `${Prefix}.${string}`>
>;
