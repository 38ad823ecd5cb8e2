/** Where a user's daemon is found, from an environment that the caller hands in. Client and daemon must agree on every name here. */
import { join } from "node:path";
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
    socket: join(runtime, "bangerd.sock"),
    log: join(data, "bangerd.log"),
    config: join(config, "config.toml"),
  };
}
