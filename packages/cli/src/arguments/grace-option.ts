/** `--time`: what a guest is given to power off by itself. */
import { parseDurationMs } from "./parse-number.ts";

const MAX_GRACE_MS = 600_000;

export const graceOption = {
  short: "t",
  value: "TIME",
  help: "how long the guest may take to power off, such as 30s (default: 10s)",
  parse: (text: string) => parseDurationMs(text, { name: "--time", maxMs: MAX_GRACE_MS }),
} as const;
