/** What the fake daemon shows: one of each, as the contract has them. */
import { randomInt } from "node:crypto";
import type { ImageView } from "@banger/contract/daemon/image";
import type { KernelView } from "@banger/contract/daemon/kernel";
import type { StatsSample } from "@banger/contract/daemon/stats";
import type { VmView } from "@banger/contract/daemon/vm";
import { ImageId, KernelId, VmId } from "@banger/contract/ids";
import { parseName } from "@banger/contract/names";

export const NOW = "2026-01-01T00:00:00.000Z";

const common = { architecture: "amd64", createdAt: NOW, bytes: 300_000_000, usedBy: [] };

export const sampleImage: ImageView = {
  ...{ id: ImageId.parse("imageimage00"), name: "minimal", init: null },
  ...common,
};

export const sampleKernel: KernelView = {
  ...{ id: KernelId.parse("kernelkern00"), name: "debian", release: "6.1.0-49-cloud-amd64" },
  ...common,
};

export function sampleMachine(name: string): VmView {
  return {
    id: VmId.parse(newId()),
    name: parseName(name),
    state: "running",
    image: { id: sampleImage.id, name: sampleImage.name },
    kernel: { id: sampleKernel.id, name: sampleKernel.name },
    vcpus: 1,
    memoryMib: 512,
    diskMib: 8192,
    nextStart: null,
    ephemeral: false,
    variables: [],
    createdAt: NOW,
    startedAt: NOW,
    vmm: { driver: "qemu", accelerator: "tcg" },
    network: { mode: "shut", open: [] },
    isolation: "emulation",
    agent: { build: "0.1.0+abc", commit: "0123456789ab", builtAt: NOW, role: "pid1" },
    lastError: null,
  };
}

/** `count` tells them apart: between one and the next lies a second, in which the machine was busy for half of it. */
export function sampleStats({ id, name, vcpus }: VmView, count: number): StatsSample {
  return {
    machine: { id, name, vcpus, state: "running" },
    takenMs: 1_000 * count,
    guest: {
      ...{ uptimeMs: 60_000 + 1_000 * count, load: [0.5, 0.25, 0.1], processes: 12 },
      memory: { used: 100 << 20, total: 488 << 20 },
      root: { used: 2 ** 30, total: 2 ** 33 },
      work: { used: 0, total: 2 ** 33 },
      cpu: { busyMs: 500 * count, totalMs: 1_000 * count },
    },
    host: { residentBytes: 200 << 20, cpuMs: 750 * count, diskBytes: 300 << 20 },
  };
}

export function newId(): string {
  return Array.from({ length: 12 }, () => randomInt(36).toString(36)).join("");
}
