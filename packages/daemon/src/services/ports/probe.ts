/**
 * Whether ports of a guest answer, and whether they speak HTTP: one small request each, a bounded time for all of them, and a
 * bounded answer.
 */
import type { Duplex } from "node:stream";
import { raceAbort, startDeadline } from "@banger/platform/time/deadline";
import type { GuestChannel } from "../guest/channel/guest-channel.ts";
import { forward } from "../guest/forward.ts";

export type Protocol = "http" | "tcp" | "none";

/** for all ports of a machine, which are tried at once: hundreds that take a connection and say nothing cost no more than one */
const PROBE_MS = 2_000;
const REQUEST = "HEAD / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: banger-ports\r\nConnection: close\r\n\r\n";
const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d/;
const STATUS_BYTES = 12;

/** In the order of the ports. */
export async function probePorts(
  guest: GuestChannel,
  ports: readonly number[],
  { signal }: { signal: AbortSignal },
): Promise<readonly Protocol[]> {
  using deadline = startDeadline(signal, { ms: PROBE_MS, what: "the guest's ports to answer" });
  const probed = await Promise.all(ports.map((port) => probe(guest, port, deadline.signal)));
  signal.throwIfAborted();
  return probed;
}

async function probe(guest: GuestChannel, port: number, signal: AbortSignal): Promise<Protocol> {
  let connection: Duplex;
  try {
    connection = await forward(guest, { port }, { signal });
  } catch {
    return "none"; // it refused, or nobody has taken the connection in time
  }
  try {
    connection.write(REQUEST);
    return STATUS_LINE.test(await raceAbort(firstWords(connection), signal)) ? "http" : "tcp";
  } catch {
    return "tcp"; // it took the connection, and has not answered in time or has broken it off
  } finally {
    connection.destroy();
  }
}

async function firstWords(connection: Duplex): Promise<string> {
  let said = "";
  for await (const chunk of connection) {
    said += String(chunk);
    if (said.length >= STATUS_BYTES || said.includes("\n")) break;
  }
  return said;
}
