/** Numbers and durations, with the range that they must lie in. */
import { AppError } from "@banger/contract/errors";

export function parseCount(text: string, { name, min, max }: { name: string; min: number; max: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= min && value <= max) return value;
  throw new AppError("USAGE", `${name} ${JSON.stringify(text)} is not a whole number from ${min} to ${max}`, {
    hint: `Give a number from ${min} to ${max}.`,
  });
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `10` (seconds), `500ms`, `30s`, `15m`, `1h` → `ms` */
export function parseDurationMs(text: string, { name, maxMs }: { name: string; maxMs: number }): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text);
  const ms = Math.round(Number(match?.[1]) * (UNITS[match?.[2] ?? "s"] ?? 1));
  if (match && ms <= maxMs) return ms;
  throw new AppError("USAGE", `${name} ${JSON.stringify(text)} is not a duration of at most ${maxMs / 1000} s`, {
    hint: "Write a duration such as 10 (seconds), 500ms, 30s or 5m.",
  });
}
