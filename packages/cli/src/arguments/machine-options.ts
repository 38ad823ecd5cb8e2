/** The options that say what a machine shall be; `run` and `create` share them. */
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { VmSizing } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import { parseName } from "@banger/contract/names";
import { parseSizeMib } from "@banger/contract/sizes";
import type { Input } from "../program/command.ts";
import { environmentOption } from "./environment.ts";
import { parseCount } from "./parse-number.ts";
import { parseRef } from "./parse-ref.ts";
import { publishOption } from "./published-port.ts";

export const machineOptions = {
  name: {
    value: "NAME",
    help: "its name; a pleasant one is made up without",
    parse: (text: string) => parseName(text),
  },
  image: { value: "IMAGE", help: "what its root disk holds (default: debian-bookworm)", parse: parseRef },
  kernel: { value: "KERNEL", help: "the kernel it boots (default: Debian's)", parse: parseRef },
  vcpu: { value: "N", help: "processors, 1 to 32", parse: (text: string) => parseCount(text, vcpuRange()) },
  memory: { short: "m", value: "SIZE", help: "memory, such as 512MiB, 4G or 2048 (MiB)", parse: parseMemory },
  disk: { value: "SIZE", help: "size of its work disk, such as 20G", parse: parseDisk },
  env: environmentOption,
  publish: publishOption,
} as const;

type Values = Input<Record<never, never>, typeof machineOptions>["options"];

export function createParams(values: Values): InputOf<DaemonMethods, "vm.create"> {
  const { name, image, kernel, vcpu, memory, disk, env, publish } = values;
  return {
    ...(name !== undefined && { name }),
    ...(image !== undefined && { image }),
    ...(kernel !== undefined && { kernel }),
    ...(vcpu !== undefined && { vcpus: vcpu }),
    ...(memory !== undefined && { memoryMib: memory }),
    ...(disk !== undefined && { diskMib: disk }),
    ...(env.length > 0 && { environment: [...env] }),
    ...(publish.length > 0 && { published: [...publish] }),
  };
}

function vcpuRange(): { name: string; min: number; max: number } {
  return { name: "--vcpu", ...rangeOf("vcpus") };
}

function parseMemory(text: string): number {
  return parseSize(text, { name: "--memory", ...rangeOf("memoryMib") });
}

function parseDisk(text: string): number {
  return parseSize(text, { name: "--disk", ...rangeOf("diskMib") });
}

function parseSize(text: string, { name, min, max }: { name: string; min: number; max: number }): number {
  const mib = parseSizeMib(text);
  if (mib >= min && mib <= max) return mib;
  throw new AppError("SIZE_INVALID", `${name} ${text} is ${mib} MiB, it must be from ${min} to ${max} MiB`, {
    facts: { size: text, minMib: min, maxMib: max },
  });
}

/** The contract says what the daemon takes. */
function rangeOf(field: keyof typeof VmSizing.shape): { min: number; max: number } {
  const { minValue, maxValue } = VmSizing.shape[field].unwrap();
  return { min: minValue ?? 0, max: maxValue ?? Number.MAX_SAFE_INTEGER };
}
