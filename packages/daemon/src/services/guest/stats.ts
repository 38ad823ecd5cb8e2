/** How the guest says it is doing. It is its own word, and believed about itself only. */
import type { AnswerFields } from "@banger/contract/guest/messages";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";

export type GuestStats = AnswerFields<"stats">;

export async function readStats(channel: GuestChannel, waiting: Waiting): Promise<GuestStats> {
  return await channel.request("stats", {}, waiting);
}
