/** The agent in a machine, spoken to by the test itself while no daemon runs: for what no command asks of it. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createConnection } from "node:net";
import { join } from "node:path";
import { GuestChannel } from "@banger/daemon/services/guest/channel/guest-channel";
import type { Home } from "./home.ts";

/** The next command starts a daemon again, which adopts the machine. */
export async function withAgent<T>(
  home: Home,
  machine: string,
  work: (channel: GuestChannel) => Promise<T>,
): Promise<T> {
  const { id } = Object(await home.json(["show", machine])) as { id: string };
  await home.stopDaemon();
  await using channel = GuestChannel.open({
    connect: async ({ signal }) => {
      const socket = createConnection({ path: join(home.state, "machines", id, "agent.sock") });
      await once(socket, "connect", { signal });
      return socket;
    },
    session: randomBytes(16),
    build: "test",
  });
  return await work(channel);
}
