/** Processors, memory and disk of a machine, in the ranges that the contract has; `name` is what a complaint calls the value. */
import { VmSizing } from "@banger/contract/daemon/vm";
import { AppError } from "@banger/contract/errors";
import { parseSizeMib } from "@banger/contract/sizes";
import { parseCount } from "./parse-number.ts";

export function parseVcpu(text: string, name = "--vcpu"): number {
  return parseCount(text, { name, ...rangeOf("vcpus") });
}

/** → MiB */
export function parseMemory(text: string, name = "--memory"): number {
  return parseSize(text, { name, ...rangeOf("memoryMib") });
}

/** → MiB */
export function parseDisk(text: string, name = "--disk"): number {
  return parseSize(text, { name, ...rangeOf("diskMib") });
}

function parseSize(text: string, { name, min, max }: { name: string; min: number; max: number }): number {
  const mib = parseSizeMib(text);
  if (mib >= min && mib <= max) return mib;
  throw new AppError("SIZE_INVALID", `${name} ${text} is ${mib} MiB, it must be from ${min} to ${max} MiB`, {
    facts: { size: text, minMib: min, maxMib: max },
  });
}

function rangeOf(field: keyof typeof VmSizing.shape): { min: number; max: number } {
  const { minValue, maxValue } = VmSizing.shape[field].unwrap();
  return { min: minValue ?? 0, max: maxValue ?? Number.MAX_SAFE_INTEGER };
}
