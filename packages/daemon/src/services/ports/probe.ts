/** Whether a port of a guest answers, and whether it speaks HTTP: one small request, a bounded time, a bounded answer. */

import { withDeadline } from "@banger/platform/time/deadline";
import { forward } from "../guest/forward.ts";
import type { GuestChannel } from "../guest/guest-channel.ts";

export type Protocol = "http" | "tcp" | "none";

const ANSWER_MS = 2_000;
const REQUEST = "HEAD / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: banger-ports\r\nConnection: close\r\n\r\n";
const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d/;
const STATUS_BYTES = 12;

export async function probePort(
  guest: GuestChannel,
  port: number,
  options: { signal: AbortSignal },
): Promise<Protocol> {
  try {
    const connection = await forward(guest, { port }, { signal: options.signal, deadlineMs: ANSWER_MS });
    connection.write(REQUEST);
    const first = async () => {
      let said = "";
      for await (const chunk of connection) {
        said += String(chunk);
        if (said.length >= STATUS_BYTES || said.includes("\n")) break;
      }
      return said;
    };
    try {
      const what = `port ${port} to answer`;
      const said = await withDeadline(first, { signal: options.signal, ms: ANSWER_MS, what });
      return STATUS_LINE.test(said) ? "http" : "tcp";
    } catch {
      return "tcp"; // it took the connection, and has not answered in time or has broken it off
    } finally {
      connection.destroy();
    }
  } catch {
    options.signal.throwIfAborted();
    return "none";
  }
}
