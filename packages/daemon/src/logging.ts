/** The daemon's log: one JSON object a line in a file of its own. When it has grown it becomes the old one, of which one is kept. */
import { renameSync, statSync } from "node:fs";
import { createLogger, type Logger } from "@banger/platform/log";
import { destination, multistream, pino } from "pino";

/** bytes */
const MAX_BYTES = 8 << 20;
/** characters that wait for a disk that takes none */
const MAX_UNWRITTEN = 1 << 20;

export function openLog(path: string, options: { echo: boolean; maxBytes?: number }): Logger {
  const file = { stream: rotatingFile(path, options.maxBytes ?? MAX_BYTES), level: "debug" as const };
  const streams = options.echo ? [file, { stream: destination(2), level: "info" as const }] : [file];
  const log = pino({ level: "debug", base: null, timestamp: pino.stdTimeFunctions.isoTime }, multistream(streams));
  return createLogger((level, event, fields) => log[level](fields, event));
}

/** Our own standard error, which began in the same file, stays with the old one: it is for what no log is written of. */
function rotatingFile(path: string, maxBytes: number): { write(line: string): void } {
  let size = sizeOf(path);
  if (size > maxBytes) {
    keepOld(path);
    size = 0;
  }
  const file = destination({ dest: path, sync: true, mode: 0o600, maxLength: MAX_UNWRITTEN });
  // A full disk costs the log, not the daemon: what can not be written is kept for a while, then dropped.
  file.on("error", () => undefined);
  const rotate = () => {
    size = 0; // and if it can not be: try again after as much more
    try {
      if (keepOld(path)) file.reopen();
    } catch {
      // no descriptor to be had: it goes on in the file that was renamed
    }
  };
  return {
    write(line) {
      const bytes = Buffer.byteLength(line);
      if (size > 0 && size + bytes > maxBytes) rotate();
      size += bytes;
      file.write(line);
    },
  };
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0; // no log yet
  }
}

function keepOld(path: string): boolean {
  try {
    renameSync(path, `${path}.1`);
    return true;
  } catch {
    return false; // no file, or one that can not be renamed, such as a device
  }
}
