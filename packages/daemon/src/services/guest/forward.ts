/** A connection to a TCP port inside the guest, as a Duplex with two independent halves. */
import type { Duplex } from "node:stream";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";
import { WINDOW_BYTES } from "./channel/receive-half.ts";
import { joinedEnds } from "./channel/stream-ends.ts";

/** Resolves when the guest is connected. GUEST_REFUSED with ECONNREFUSED if nobody listens there. */
export async function forward(
  channel: GuestChannel,
  options: { port: number /** default 127.0.0.1, then ::1 */; address?: string },
  waiting: Waiting,
): Promise<Duplex> {
  const { port, address } = options;
  const stream = await channel.openStream(waiting);
  const closed = () => {
    if (stream.receive.ended && stream.send.ending) channel.mux.forget(stream);
    else channel.dropStream(stream);
  };
  try {
    const fields = { port, address, stream: stream.id, window: WINDOW_BYTES };
    await channel.request("forward", fields, { ...waiting, what: `FORWARD to port ${port}`, streams: [stream] });
    return joinedEnds({ mux: channel.mux, stream }, { closed });
  } catch (error) {
    channel.dropStream(stream);
    throw error;
  }
}
