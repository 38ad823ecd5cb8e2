/** What the fake daemon shows: one of each, as the contract has them. */
import { randomInt } from "node:crypto";
import type { ImageView } from "@banger/contract/daemon/image";
import type { KernelView } from "@banger/contract/daemon/kernel";
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
    ephemeral: false,
    createdAt: NOW,
    startedAt: NOW,
    vmm: { driver: "qemu", accelerator: "tcg" },
    network: { mode: "shut", open: [] },
    isolation: "emulation",
    agent: { build: "0.1.0+abc", commit: "0123456789ab", builtAt: NOW, role: "pid1" },
    lastError: null,
  };
}

export function newId(): string {
  return Array.from({ length: 12 }, () => randomInt(36).toString(36)).join("");
}
