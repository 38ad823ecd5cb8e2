/** The daemon's log: one JSON object a line in a file of its own, the last one kept when it has grown. */
import { renameSync, statSync } from "node:fs";
import { createLogger, type Logger } from "@banger/platform/log";
import { destination, multistream, pino } from "pino";

const MAX_BYTES = 8 << 20;

export function openLog(path: string, options: { echo: boolean }): Logger {
  keepOld(path);
  const file = { stream: destination({ dest: path, sync: true, mode: 0o600 }), level: "debug" as const };
  const streams = options.echo ? [file, { stream: destination(2), level: "info" as const }] : [file];
  const log = pino({ level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime }, multistream(streams));
  return createLogger((level, event, fields) => log[level](fields, event));
}

function keepOld(path: string): void {
  try {
    if (statSync(path).size > MAX_BYTES) renameSync(path, `${path}.1`);
  } catch {
    // no log yet
  }
}
