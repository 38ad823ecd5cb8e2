/** TCP ports that something in the guest listens on. Nothing is opened on the host for them. */
import type { EventFields } from "@banger/contract/guest/messages";
import type { GuestChannel } from "./channel/guest-channel.ts";
import { protocolBroken, type Waiting } from "./channel/guest-error.ts";

export type GuestPort = EventFields<"ports">["port"][number];

export async function listPorts(channel: GuestChannel, waiting: Waiting): Promise<readonly GuestPort[]> {
  return judged((await channel.request("ports", {}, waiting)).port);
}

/** The ports now, and `changed` with all of them at every change until `unsubscribe`. */
export async function watchPorts(
  channel: GuestChannel,
  changed: (ports: readonly GuestPort[]) => void,
  waiting: Waiting,
): Promise<{ ports: readonly GuestPort[]; unsubscribe: () => void }> {
  const unsubscribe = channel.subscribe({ ports: (event) => changed(judged(event.port)) });
  try {
    const { port } = await channel.request("ports", { watch: 1 }, waiting);
    return { ports: judged(port), unsubscribe };
  } catch (error) {
    unsubscribe();
    throw error;
  }
}

function judged(ports: readonly GuestPort[]): readonly GuestPort[] {
  for (const { port } of ports) if (port < 1 || port > 65_535) throw protocolBroken(`it listens on port ${port}`);
  return ports;
}
