/** A Logger that keeps what was logged. */
import { createLogger, type LogFields, type Logger, type LogLevel } from "./log.ts";

export type LogLine = { readonly level: LogLevel; readonly event: string; readonly fields: LogFields };

export function createFakeLogger(): { readonly logger: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { logger: createLogger((level, event, fields) => lines.push({ level, event, fields })), lines };
}
