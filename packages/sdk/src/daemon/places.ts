/** Where a user's daemon is found, from an environment that the caller hands in. */
import { join } from "node:path";
import { LOG_FILE, SOCKET_FILE } from "@banger/contract/daemon/file-names";
import { baseDirs, type Env } from "@banger/platform/fs/paths";

export type DaemonPlaces = {
  readonly state: string;
  readonly runtime: string;
  readonly cache: string;
  readonly socket: string;
  readonly log: string;
  /** what the user has configured; the file need not exist */
  readonly config: string;
};

export function daemonPlaces(env: Env, options: { uid: number }): DaemonPlaces {
  const { config, data, runtime, cache } = baseDirs(env, { name: "banger", uid: options.uid });
  return {
    state: data,
    runtime,
    cache,
    socket: join(runtime, SOCKET_FILE),
    log: join(data, LOG_FILE),
    config: join(config, "config.toml"),
  };
}
