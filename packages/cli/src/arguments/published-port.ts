/** `[ADDR:]HOST:GUEST`: a port of this host that leads to one of a machine. */
import { isIP, isIPv4 } from "node:net";
import type { PublishedPort, TakenPort } from "@banger/contract/daemon/port";
import { AppError } from "@banger/contract/errors";

const FORM = /^(?:(\[[^\]]*\]|[^:]*):)?(\d{1,5}):(\d{1,5})$/;
const HOST_FORM = /^(?:(\[[^\]]*\]|[^:]*):)?(\d{1,5})$/;
const LOCAL = "127.0.0.1";

export const publishOption = {
  short: "p",
  value: "[ADDR:]HOST:GUEST",
  help: "let a port of this host (of 127.0.0.1 without ADDR) lead to one of the machine",
  repeat: true,
  parse: parsePublishedPort,
} as const;

export function parsePublishedPort(text: string): PublishedPort {
  const [, written, host, guest] = FORM.exec(text) ?? [];
  if (host === undefined || guest === undefined) throw wrong(text, "is not of the form [ADDR:]HOST:GUEST");
  for (const port of [host, guest]) {
    if (Number(port) < 1 || Number(port) > 65_535) throw wrong(text, `has ${port}, which is no port from 1 to 65535`);
  }
  const address = written === undefined ? LOCAL : unbracketed(written);
  if (isIP(address) === 0) throw wrong(text, `has ${JSON.stringify(address)}, which is no IP address`);
  return { address, host: Number(host), guest: Number(guest) };
}

/** One that was published, by the host's side alone if that is all that was written: as `publish` and `ports` print it. */
export function parseTakenPort(text: string): TakenPort {
  const [, written, host] = HOST_FORM.exec(text) ?? [];
  if (host === undefined || (written !== undefined && isIP(unbracketed(written)) === 0))
    return parsePublishedPort(text);
  const { address } = parsePublishedPort(`${text}:1`);
  return { address, host: Number(host) };
}

/** As it is typed. */
export function publishedAddress({ address, host }: Pick<PublishedPort, "address" | "host">): string {
  return `${isIPv4(address) ? address : `[${address}]`}:${host}`;
}

function unbracketed(address: string): string {
  return address.replace(/^\[(.*)\]$/, "$1");
}

function wrong(text: string, why: string): AppError {
  return new AppError("USAGE", `the port ${JSON.stringify(text)} ${why}`, {
    hint: "Write 8080:80, 0.0.0.0:8080:80 or [::1]:8080:80.",
  });
}
