/**
 * Structured logging as a port: an event name and fields, one JSON object a line. Secrets are taken out here, by the
 * name of their key, so that no caller has to think of it.
 */
export type LogFields = Readonly<Record<string, unknown>>;
export type LogLevel = "debug" | "info" | "warn" | "error";

export type Logger = {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** a logger that adds `fields` to all that it writes */
  child(fields: LogFields): Logger;
};

export type LogSink = (level: LogLevel, event: string, fields: LogFields) => void;

/** A Logger over any sink; what reaches the sink is redacted and plain data. */
export function createLogger(sink: LogSink, bound: LogFields = {}): Logger {
  const at =
    (level: LogLevel) =>
    (event: string, fields: LogFields = {}) =>
      sink(level, event, redact({ ...bound, ...fields }));
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => createLogger(sink, { ...bound, ...fields }),
  };
}

/** Writes `{"time":…,"level":…,"event":…,…}` lines. */
export function ndjsonSink(write: (line: string) => void, options: { now: () => number }): LogSink {
  return (level, event, fields) => {
    const time = new Date(options.now()).toISOString();
    write(`${JSON.stringify({ time, level, event, ...fields })}\n`);
  };
}

const SECRET_KEY =
  /^(env|environment|authorization|cookie|.*(secret|token|password|passwd|credential|private_?key).*)$/i;
const MAX_DEPTH = 6;

/** Plain data with the values of telling keys replaced; errors become code, message and cause. */
export function redact(fields: LogFields): Record<string, unknown> {
  return redactEntries(Object.entries(fields), MAX_DEPTH);
}

function redactEntries(entries: Iterable<[string, unknown]>, depth: number): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [key, value] of entries) out[key] = SECRET_KEY.test(key) ? "[redacted]" : plain(value, depth - 1);
  return out;
}

function plain(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth <= 0) return "[deep]";
  if (value instanceof Error) return plainError(value, depth);
  if (value instanceof Date) return value;
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (Array.isArray(value)) return value.map((item) => plain(item, depth - 1));
  return redactEntries(Object.entries(value), depth);
}

function plainError(error: Error, depth: number): Record<string, unknown> {
  const code: unknown = Reflect.get(error, "code");
  const facts: unknown = Reflect.get(error, "facts");
  return {
    ...(code === undefined ? {} : { code: plain(code, depth - 1) }),
    message: error.message,
    ...(facts === undefined ? {} : { facts: plain(facts, depth - 1) }),
    ...(error.cause === undefined ? {} : { cause: plain(error.cause, depth - 1) }),
    ...(code === "INTERNAL" || code === undefined ? { stack: error.stack } : {}),
  };
}
