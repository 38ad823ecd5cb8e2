/** What a machine has written, as raw bytes: a guest chose them, so whoever prints them sanitises first. */
import type { Readable } from "node:stream";
import type { InputOf } from "@banger/contract/daemon/method";
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import type { BangerClient } from "./client.ts";

export type LogStream = AsyncDisposable & { readonly bytes: Readable };

/** Uses the connection up. */
export async function openLogs(client: BangerClient, params: InputOf<DaemonMethods, "vm.logs">): Promise<LogStream> {
  const { mux } = await client.upgrade("vm.logs", params);
  const stream = mux.stream(0);
  stream.end();
  return { bytes: stream, [Symbol.asyncDispose]: () => mux.close() };
}
