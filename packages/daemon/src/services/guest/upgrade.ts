/** Puts a newer agent into a running machine: its commands and streams live on. */
import { AppError } from "@banger/contract/errors";
import type { AgentFacts } from "./channel/agent-facts.ts";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";
import { sendContent } from "./transfer.ts";

/** Resolves with what the new agent says about itself. */
export async function upgrade(
  channel: GuestChannel,
  binary: { readonly bytes: AsyncIterable<Uint8Array>; readonly size: number },
  waiting: Waiting,
): Promise<AgentFacts> {
  const before = await channel.ready(waiting);
  if (!before.capabilities.has("upgrade")) {
    throw new AppError("GUEST_REFUSED", "the guest's agent can not be upgraded in place", {
      hint: "Restart the machine.",
    });
  }
  const { size } = binary;
  const fields = ({ stream }: { stream: number }) => ({ stream, size });
  await sendContent(channel, "upgrade", { ...waiting, what: "UPGRADE", fields, source: binary.bytes });
  channel.reopen();
  return await channel.ready(waiting);
}
