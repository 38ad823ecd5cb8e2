/** Where a daemon keeps its things. Derived once, by main, from the environment or from flags. */
import { join } from "node:path";
import { HOLDER_FILE, LOG_FILE, SOCKET_FILE } from "@banger/contract/daemon/file-names";

export type DaemonConfig = {
  /** intent, machines, images and kernels; survives a logout */
  readonly state: string;
  /** the socket; vanishes at logout */
  readonly runtime: string;
  readonly cache: string;
  /** where this build's own files are: the launcher, the agent, the recipes */
  readonly installation: string;
  /** where the HTTP gateway would like to listen; 0 for any port */
  readonly httpPort?: number;
};

export const DEFAULT_HTTP_PORT = 7080;

export type DaemonPaths = {
  readonly socket: string;
  readonly lock: string;
  /** tells clients elsewhere which socket is ours */
  readonly holder: string;
  readonly database: string;
  readonly machines: string;
  readonly images: string;
  readonly kernels: string;
  readonly initramfs: string;
  readonly quarantine: string;
  readonly proofs: string;
  readonly acceleration: string;
  readonly log: string;
  readonly kernelCache: string;
  readonly imageCache: string;
  readonly launcher: string;
  readonly agent: string;
  readonly native: string;
  readonly recipes: string;
};

export function daemonPaths({ state, runtime, cache, installation }: DaemonConfig): DaemonPaths {
  return {
    socket: join(runtime, SOCKET_FILE),
    lock: join(state, "lock"),
    holder: join(state, HOLDER_FILE),
    database: join(state, "banger.db"),
    machines: join(state, "machines"),
    images: join(state, "images"),
    kernels: join(state, "kernels"),
    initramfs: join(state, "initramfs"),
    quarantine: join(state, "quarantine"),
    proofs: join(state, "proofs"),
    acceleration: join(state, "acceleration.json"),
    log: join(state, LOG_FILE),
    kernelCache: join(cache, "kernels"),
    imageCache: join(cache, "images"),
    launcher: join(installation, "build/native/banger-launcher"),
    agent: join(installation, "build/guest/banger-agent"),
    native: join(installation, "build/native/banger.node"),
    recipes: join(installation, "images"),
  };
}
