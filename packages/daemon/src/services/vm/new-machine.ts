/** From what was asked for to a whole record: defaults by the host's size, a name, the image and kernel it pins. */
import type { CreateParams } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import type { ImageId, KernelId, VmId } from "@banger/contract/ids";
import { NAME_PATTERN, VmName } from "@banger/contract/names";
import type * as z from "zod";
import type { Booting } from "./boot.ts";
import type { MachineRecord } from "./machine-record.ts";
import { pleasantName } from "./pleasant-name.ts";

export type Host = { readonly cpus: number; readonly memoryMib: number };

export type NewMachineDeps = {
  readonly host: Host;
  /** finds, or builds when it is a known recipe */
  readonly image: (ref: string, booting: Booting) => Promise<{ readonly id: ImageId; readonly name: string }>;
  readonly kernel: (ref: string, booting: Booting) => Promise<{ readonly id: KernelId; readonly name: string }>;
  readonly isTaken: (name: string) => boolean;
  /** hexadecimal digits, two per byte */
  readonly randomHex: (bytes: number) => string;
  readonly now: () => number;
};

export type NewMachine = (
  params: z.output<typeof CreateParams>,
  booting: Booting & { id: VmId },
) => Promise<MachineRecord>;

export const DEFAULT_IMAGE = "debian-bookworm";
export const DEFAULT_KERNEL = "debian";
const DISK_MIB = 8192;

/** vcpus: a quarter of the host's, 1 to 4; memory: an eighth, 512 MiB to 8 GiB. */
export function defaultSizing(host: Host): { vcpus: number; memoryMib: number; diskMib: number } {
  return {
    vcpus: clamp(Math.floor(host.cpus / 4), 1, 4),
    memoryMib: clamp(Math.floor(host.memoryMib / 8), 512, 8192),
    diskMib: DISK_MIB,
  };
}

export function newMachine(deps: NewMachineDeps): NewMachine {
  return async (params, booting) => {
    const taken = params.name !== undefined && deps.isTaken(params.name);
    if (taken)
      throw new AppError("NAME_TAKEN", `there is a machine named ${params.name} already`, {
        facts: { name: params.name ?? "" },
      });
    const sizing = defaultSizing(deps.host);
    const memoryMib = params.memoryMib ?? sizing.memoryMib;
    requireRoom(deps.host, memoryMib);
    const image = await deps.image(params.image ?? DEFAULT_IMAGE, booting);
    const kernel = await deps.kernel(params.kernel ?? DEFAULT_KERNEL, booting);
    return {
      version: 1,
      id: booting.id,
      name: params.name ?? freeName(deps),
      image: { id: image.id, name: image.name },
      kernel: { id: kernel.id, name: kernel.name },
      vcpus: params.vcpus ?? sizing.vcpus,
      memoryMib,
      diskMib: params.diskMib ?? sizing.diskMib,
      rootMib: DISK_MIB,
      environment: params.environment ?? [],
      published: params.published ?? [],
      ephemeral: params.ephemeral,
      machineId: deps.randomHex(16),
      createdAt: new Date(deps.now()).toISOString(),
      run: null,
    };
  };
}

/** What can never run is refused before an image is built for it; what is free is looked at when the machine starts. */
export function requireRoom({ memoryMib: hostMib }: Host, memoryMib: number): void {
  if (memoryMib < hostMib) return;
  const message = `a machine with ${memoryMib} MiB of memory does not fit on a host with ${hostMib} MiB`;
  throw new AppError("MEMORY_SHORT", message, { facts: { neededMib: memoryMib, hostMib } });
}

function freeName(deps: NewMachineDeps): VmName {
  for (;;) {
    const name = pleasantName(Number.parseInt(deps.randomHex(6), 16));
    if (NAME_PATTERN.test(name) && !deps.isTaken(name)) return VmName.parse(name);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}
