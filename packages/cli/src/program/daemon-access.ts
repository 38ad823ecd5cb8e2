/** The daemon, as commands reach it: connections, and a start on first use. Loaded code is kept to what a call needs. */
import type { BangerClient } from "@banger/sdk/client";
import { daemonPlaces } from "@banger/sdk/daemon/places";
import type { Settings } from "../config/settings.ts";
import type { DaemonAccess } from "./context.ts";
import type { Host } from "./run-program.ts";

/** what the user has configured, and no project */
type Configured = { readonly settings: () => Promise<Settings> };

type Asking = { readonly signal: AbortSignal; readonly note: (text: string) => void };

export function createDaemonAccess(
  host: Pick<Host, "env" | "uid" | "build" | "daemonArgv" | "execute">,
  { signal, note, settings }: Asking & Configured,
): DaemonAccess & Disposable {
  const { env, uid, build } = host;
  const program = {
    ...{ argv: host.daemonArgv, env },
    flags: async () => {
      const port = (await settings()).values["http-port"];
      return port === undefined ? [] : ["--http-port", String(port)];
    },
  };
  const clients: BangerClient[] = [];
  return {
    get places() {
      return daemonPlaces(env, { uid });
    },
    async connect(): Promise<BangerClient> {
      const { ensureDaemon } = await import("@banger/sdk/daemon/ensure-daemon");
      const client = await ensureDaemon({ places: this.places, build, signal, program, onNote: note });
      clients.push(client);
      return client;
    },
    async find(): Promise<BangerClient | undefined> {
      const { findDaemon } = await import("@banger/sdk/daemon/find-daemon");
      const client = await findDaemon({ places: this.places, build, signal });
      if (client) clients.push(client);
      return client;
    },
    async reach(): Promise<BangerClient> {
      // One that is there is as good as ours: two builds would otherwise replace each other's.
      return (await this.find()) ?? (await this.connect());
    },
    async become(): Promise<never> {
      const { daemonArgv, daemonEnvironment } = await import("@banger/sdk/daemon/start-daemon");
      host.execute([...(await daemonArgv(program, this.places)), "--foreground"], daemonEnvironment(env));
    },
    [Symbol.dispose]() {
      for (const client of clients) client.close();
    },
  };
}
