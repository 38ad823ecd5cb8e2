/** Sizes as people write them: `512MiB`, `4G`, `2048` (MiB). */
import { AppError } from "./errors.ts";

/** bytes */
export const MIB = 2 ** 20;

const MIB_OF: Readonly<Record<string, number>> = { k: 1 / 1024, m: 1, g: 1024, t: 1024 * 1024 };

/** Returns whole MiB. Throws SIZE_INVALID. */
export function parseSizeMib(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([kmgt])(?:i?b)?)?$/i.exec(text.trim());
  const amount = Number(match?.[1]);
  const mib = amount * (MIB_OF[(match?.[2] ?? "m").toLowerCase()] ?? 1);
  if (!match || !Number.isSafeInteger(mib) || mib < 1) {
    throw new AppError("SIZE_INVALID", `${JSON.stringify(text)} is not a size in whole MiB`, { facts: { size: text } });
  }
  return mib;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** `1536` → `1.5 KiB`; at most one decimal, none for whole numbers. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const text =
    Number.isInteger(value) || value >= 100 ? String(Math.round(value)) : value.toFixed(1).replace(/\.0$/, "");
  return `${text} ${UNITS[unit] ?? "B"}`;
}

export function formatMib(mib: number): string {
  return formatBytes(mib * MIB);
}
