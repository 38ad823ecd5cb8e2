/** The daemon's log: one JSON object a line in a file of its own, the last one kept when it has grown. */
import { renameSync, statSync } from "node:fs";
import { createLogger, type Logger } from "@banger/platform/log";
import { destination, multistream, pino } from "pino";

const MAX_BYTES = 8 << 20;
/** characters that wait for a disk that takes none */
const MAX_UNWRITTEN = 1 << 20;

export function openLog(path: string, options: { echo: boolean }): Logger {
  keepOld(path);
  const written = destination({ dest: path, sync: true, mode: 0o600, maxLength: MAX_UNWRITTEN });
  // A full disk costs the log, not the daemon: what can not be written is kept for a while, then dropped.
  written.on("error", () => undefined);
  const file = { stream: written, level: "debug" as const };
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
