/** The guest's disks and power. Whether a machine has really ended is told by its VMM, not by the guest. */
import { POWER_MODE } from "@banger/contract/guest/messages";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";

/** Resolves when the guest's file systems are on its disks. */
export async function sync(channel: GuestChannel, waiting: Waiting): Promise<void> {
  await channel.request("sync", {}, waiting);
}

/** Resolves when the guest has begun: `init` asks the image's init, `now` syncs and cuts, `reboot` comes back. */
export async function powerOff(
  channel: GuestChannel,
  waiting: Waiting & { mode?: keyof typeof POWER_MODE },
): Promise<void> {
  await channel.request("poweroff", { mode: POWER_MODE[waiting.mode ?? "init"] }, { ...waiting, ahead: true });
}

/** Grows the file system mounted there to the size of its disk; resolves with its bytes. */
export async function grow(channel: GuestChannel, mount: string, waiting: Waiting): Promise<number> {
  const { bytes } = await channel.request("grow", { mount }, { ...waiting, what: `GROW of ${JSON.stringify(mount)}` });
  return bytes;
}
