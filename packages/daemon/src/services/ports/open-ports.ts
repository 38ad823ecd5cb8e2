/** What a guest says it listens on, as it is shown: one row a port, in order, bounded, and with harmless text. */
import type { GuestPort } from "../guest/ports.ts";

export type OpenPort = {
  readonly port: number;
  readonly address: string;
  readonly pid: number | null;
  /** made printable */
  readonly process: string;
};

const MAX_PORTS = 256;
const MAX_TEXT = 64;

export function openPorts(ports: readonly GuestPort[]): readonly OpenPort[] {
  const byPort = new Map<number, GuestPort>();
  for (const port of ports) if (!byPort.has(port.port)) byPort.set(port.port, port);
  return [...byPort.values()]
    .toSorted((a, b) => a.port - b.port)
    .slice(0, MAX_PORTS)
    .map(({ port, address, pid, process }) => ({
      port,
      address: address?.printable({ max: MAX_TEXT }) ?? "",
      pid: pid ?? null,
      process: process?.printable({ max: MAX_TEXT }) ?? "",
    }));
}
