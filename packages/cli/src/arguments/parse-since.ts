/** A time in the past: how long ago, or when. */
import { AppError } from "@banger/contract/errors";

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DATE = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?$/;

/** `10m`, `2h`, `1d`, or ISO 8601 (without a zone, this host's) → Unix time in `ms`, given what time it is now */
export function parseSince(text: string): (now: number) => number {
  const ago = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text);
  if (ago) return (now) => Math.max(0, Math.round(now - Number(ago[1]) * (UNITS[ago[2] ?? ""] ?? 0)));
  // A date alone would be read as midnight of another zone than this host's.
  const at = DATE.test(text) ? Date.parse(text.includes("T") ? text : `${text}T00:00`) : Number.NaN;
  if (at >= 0) return () => at;
  throw new AppError("USAGE", `--since ${JSON.stringify(text)} is no time`, {
    hint: "Write how long ago, such as 30s, 10m or 2h, or a time such as 2026-01-31T12:00.",
  });
}
