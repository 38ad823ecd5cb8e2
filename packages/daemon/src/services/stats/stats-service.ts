/** How running machines are doing. A guest that does not answer keeps nobody from what the host sees of it. */
import type { StatsSample } from "@banger/contract/daemon/stats";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import { treeBytes } from "@banger/platform/fs/tree-bytes";
import type { Processes } from "@banger/platform/process/processes";
import type { Clock } from "@banger/platform/time/clock";
import { readStats } from "../guest/stats.ts";
import type { LiveMachine } from "../vm/deps.ts";
import { machineFiles } from "../vm/machine-files.ts";
import { notRunning } from "../vm/not-running.ts";
import type { VmService } from "../vm/vm-service.ts";
import type { Machine } from "../vm/vm-store.ts";
import { guestSample } from "./guest-sample.ts";

export type StatsServiceDeps = {
  readonly vm: Pick<VmService, "find" | "whyCut">;
  readonly live: ReadonlyMap<VmId, LiveMachine>;
  readonly processes: Pick<Processes, "usage">;
  /** the directory that holds a directory per machine */
  readonly machines: string;
  readonly clock: Clock;
  /** how long a guest may take to answer, `ms` */
  readonly guestMs: number;
};

type Waiting = { readonly signal: AbortSignal };

export class StatsService {
  readonly #deps: StatsServiceDeps;

  constructor(deps: StatsServiceDeps) {
    this.#deps = deps;
  }

  async sample(ref: string, waiting: Waiting): Promise<StatsSample> {
    const { vm, live: all, clock } = this.#deps;
    const machine = vm.find(ref);
    const { record, state } = machine;
    const live = all.get(record.id);
    if (!live || (state !== "running" && state !== "paused")) throw notRunning(record.name, state);
    // The guest's answer comes last: what it cost is not in its own numbers.
    const host = await this.#host(machine, live);
    const guest = state === "paused" ? null : await this.#guest(machine, live, waiting);
    const { id, name, vcpus } = record;
    return { machine: { id, name, vcpus, state }, takenMs: clock.monotonic(), guest, host };
  }

  async #guest(machine: Machine, live: LiveMachine, { signal }: Waiting): Promise<StatsSample["guest"]> {
    const { vm, clock, guestMs } = this.#deps;
    const { record } = machine;
    try {
      const said = await readStats(live.guest, { signal, deadlineMs: guestMs });
      return guestSample(said, record, clock.now() - Date.parse(record.run?.startedAt ?? ""));
    } catch (error) {
      if (AppError.is(error, "GUEST_SILENT")) return null;
      throw await vm.whyCut(machine, live, error);
    }
  }

  async #host({ record }: Machine, live: LiveMachine): Promise<StatsSample["host"]> {
    const { processes, machines } = this.#deps;
    const { residentBytes, cpuMs } = processes.usage(live.process.handles.vmm) ?? GONE;
    return { residentBytes, cpuMs, diskBytes: await treeBytes(machineFiles(machines, record.id).directory) };
  }
}

/** of a VMM that has ended just now */
const GONE = { residentBytes: 0, cpuMs: 0 };
