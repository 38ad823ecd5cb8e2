/** How machines are doing: two samples, and what was used between them. */
import type { StatsSample } from "@banger/contract/daemon/stats";
import type { BangerClient } from "./client.ts";

type Guest = NonNullable<StatsSample["guest"]>;

export type Stats = {
  readonly machine: { readonly id: string; readonly name: string; readonly state: StatsSample["machine"]["state"] };
  /** null when the guest did not answer in time, or is paused */
  readonly guest: (Omit<Guest, "cpu"> & { readonly cpuPercent: number | null }) | null;
  readonly host: { readonly cpuPercent: number | null; readonly residentBytes: number; readonly diskBytes: number };
};

export async function sampleStats(
  client: BangerClient,
  ref: string,
  options: { signal?: AbortSignal } = {},
): Promise<StatsSample> {
  return await client.call("vm.stats", { ref }, options);
}

/** Percentages are of one processor, so that two busy ones are 200; null where the two samples can not be compared. */
export function statsBetween(before: StatsSample | undefined, after: StatsSample): Stats {
  const { machine, guest, host } = after;
  const { vcpus, ...which } = machine;
  const elapsedMs = after.takenMs - (before?.takenMs ?? Number.NaN);
  const { cpuMs, ...seen } = host;
  return {
    machine: which,
    guest: guest && shown(guest, before?.guest ?? undefined, vcpus),
    host: { cpuPercent: percent(cpuMs - (before?.host.cpuMs ?? Number.NaN), elapsedMs), ...seen },
  };
}

function shown({ cpu, ...guest }: Guest, before: Guest | undefined, vcpus: number): Stats["guest"] {
  if (!before) return { ...guest, cpuPercent: null };
  const share = percent(cpu.busyMs - before.cpu.busyMs, cpu.totalMs - before.cpu.totalMs);
  return { ...guest, cpuPercent: share === null ? null : Math.min(share, 100) * vcpus };
}

/** A machine that was started anew counts from zero again. */
function percent(part: number, whole: number): number | null {
  const value = (100 * part) / whole;
  return part >= 0 && whole > 0 && Number.isFinite(value) ? Math.round(value * 10) / 10 : null;
}
