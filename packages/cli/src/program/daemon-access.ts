/** The daemon, as commands reach it: connections, and a start on first use. Loaded code is kept to what a call needs. */
import type { BangerClient } from "@banger/sdk/client";
import { daemonPlaces } from "@banger/sdk/daemon/places";
import type { DaemonAccess } from "./context.ts";
import type { Host } from "./run-program.ts";

type Asking = { readonly signal: AbortSignal; readonly note: (text: string) => void };

export function createDaemonAccess(
  host: Pick<Host, "env" | "uid" | "build" | "daemonArgv" | "execute">,
  { signal, note }: Asking,
): DaemonAccess & Disposable {
  const { env, uid, build } = host;
  const program = { argv: host.daemonArgv, env };
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
    async become(): Promise<never> {
      const { daemonArgv, daemonEnvironment } = await import("@banger/sdk/daemon/start-daemon");
      host.execute([...daemonArgv(program, this.places), "--foreground"], daemonEnvironment(env));
    },
    [Symbol.dispose]() {
      for (const client of clients) client.close();
    },
  };
}
