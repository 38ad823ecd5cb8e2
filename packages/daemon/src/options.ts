/** The daemon's own command line. Strict: an unknown flag ends it before anything is touched. */
import { parseArgs } from "node:util";
import { AppError } from "@banger/contract/errors";

export type DaemonOptions = {
  readonly command: "run" | "version" | "check-migrations";
  readonly state: string | undefined;
  readonly runtime: string | undefined;
  readonly cache: string | undefined;
  /** where the HTTP gateway would like to listen */
  readonly httpPort: number | undefined;
  /** logs to standard error too, and tells nobody on descriptor 3 */
  readonly foreground: boolean;
};

export function parseOptions(argv: readonly string[]): DaemonOptions {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        state: { type: "string" },
        runtime: { type: "string" },
        cache: { type: "string" },
        "http-port": { type: "string" },
        foreground: { type: "boolean", default: false },
        version: { type: "boolean", default: false },
        "check-migrations": { type: "boolean", default: false },
      },
    });
    const command = values.version ? "version" : values["check-migrations"] ? "check-migrations" : "run";
    return {
      command,
      state: values.state,
      runtime: values.runtime,
      cache: values.cache,
      httpPort: portOf(values["http-port"]),
      foreground: values.foreground,
    };
  } catch (error) {
    const message = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    throw new AppError("USAGE", `bangerd: ${message}`, {
      hint: "bangerd [--state DIR] [--runtime DIR] [--cache DIR] [--http-port PORT] [--foreground | --check-migrations | --version]",
    });
  }
}

function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65_535) return port;
  throw new Error(`--http-port ${JSON.stringify(text)} is no port from 1 to 65535`);
}
