/**
 * A connection to the daemon with the methods' types. The faces (command line, MCP) and other people's programs use only
 * this package; nothing here prints, prompts or reads the environment.
 */
import type { DaemonMethods } from "@banger/contract/daemon/methods";
import { PROTOCOL } from "@banger/contract/daemon/protocol";
import type { Build } from "@banger/contract/daemon/system";
import { connectClient, type RpcClient } from "@banger/platform/rpc/client";
import { sameBuild } from "./daemon/same-build.ts";
import { lateTable } from "./late-table.ts";

export type BangerClient = RpcClient<DaemonMethods>;

export type ConnectOptions = {
  readonly socket: string;
  readonly build: Build;
  readonly signal?: AbortSignal | undefined;
  /** `accept` lets a daemon of another protocol be asked to go */
  readonly onMismatch?: "throw" | "accept";
};

/** DAEMON_UNREACHABLE when nobody listens, VERSION_MISMATCH when it speaks another protocol. */
export async function connectDaemon(options: ConnectOptions): Promise<BangerClient> {
  const table = lateTable();
  const client = await connectClient<DaemonMethods>(options.socket, {
    table: table.methods,
    hello: { protocol: PROTOCOL, build: options.build },
    signal: options.signal,
    onMismatch: options.onMismatch,
  });
  // What a daemon of our very build answers was checked when both were compiled.
  if (!sameBuild(client.peer.build, options.build)) await table.load();
  return client;
}
