/** What a guest says of itself, cut to what can be: a number that it could not have is never shown. */
import type { StatsSample } from "@banger/contract/daemon/stats";
import { MIB } from "@banger/contract/sizes";
import type { GuestStats } from "../guest/stats.ts";
import type { MachineRecord } from "../vm/machine-record.ts";

type Sample = NonNullable<StatsSample["guest"]>;
type Sized = Pick<MachineRecord, "vcpus" | "memoryMib" | "diskMib" | "rootMib">;

const ROOT = "/";
const WORK = "/root";
/** of Linux: what a process number can be at most */
const MAX_PROCESSES = 2 ** 22;
const MAX_LOAD = 1e6;

/** `aliveMs`: how long the machine has been running, as the host knows. */
export function guestSample(said: GuestStats, machine: Sized, aliveMs: number): Sample {
  const memory = used(said.memoryTotal, said.memoryAvailable, machine.memoryMib);
  const totalMs = Math.min(said.cpuTotal, Math.max(0, aliveMs) * machine.vcpus);
  return {
    uptimeMs: Math.min(said.uptime, Math.max(0, aliveMs)),
    load: [load(said.load1), load(said.load5), load(said.load15)],
    processes: Math.min(said.processes, MAX_PROCESSES),
    memory,
    root: disk(said, { mount: ROOT, mib: machine.rootMib }),
    work: disk(said, { mount: WORK, mib: machine.diskMib }),
    cpu: { busyMs: Math.min(said.cpuBusy, totalMs), totalMs },
  };
}

function disk({ disk: disks }: GuestStats, { mount, mib }: { mount: string; mib: number }): Sample["root"] {
  const found = disks.find((one) => one.mount.printable() === mount);
  return found ? used(found.size, found.free, mib) : null;
}

function used(size: number, free: number, mib: number): Sample["memory"] {
  const total = Math.min(size, mib * MIB);
  return { used: total - Math.min(free, total), total };
}

/** × 100 on the wire */
function load(hundredfold: number): number {
  return Math.min(hundredfold / 100, MAX_LOAD);
}
