/** What a machine has written, as raw bytes: a guest chose them, so whoever prints them sanitises first. */
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { LogEnd } from "@banger/contract/daemon/vm";
import type { BangerClient } from "./client.ts";

export type LogStream = AsyncDisposable & {
  readonly bytes: Readable;
  /** when all was read: `deleted` if that was because the machine is */
  readonly ended: Promise<"all" | "deleted">;
};

/** Uses the connection up. */
export async function openLogs(
  client: BangerClient,
  params: InputOf<DaemonMethods, "vm.logs">,
  options: { signal?: AbortSignal } = {},
): Promise<LogStream> {
  const { mux } = await client.upgrade("vm.logs", params, options);
  const stream = mux.stream(0);
  stream.end();
  const ended = text(mux.stream(1)).then((line) => LogEnd.parse(JSON.parse(line)).end);
  ended.catch(() => undefined); // the bytes tell a connection that broke
  return { bytes: stream, ended, [Symbol.asyncDispose]: () => mux.close() };
}
