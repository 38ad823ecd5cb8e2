/**
 * What a Host header asks for. Only names beneath `localhost`, and the loopback addresses, are ours: a name of anybody
 * else's that resolves to this host (DNS rebinding) asks for nothing.
 */
import { NAME_PATTERN } from "@banger/contract/names";

export type Wanted =
  /** the page about everything */
  | { readonly kind: "page" }
  /** a machine without a port */
  | { readonly kind: "machine"; readonly name: string }
  | { readonly kind: "port"; readonly name: string; readonly port: number };

const OURS = new Set(["localhost", "127.0.0.1", "[::1]"]);
const HOST = /^([^:]+|\[[0-9a-f:]+\])(?::(\d{1,5}))?$/;
const SUFFIX = ".localhost";
/** lower case makes letters of this from others */
const ASCII = /^[\x21-\x7e]+$/;
const LONGEST = 100;

/** `undefined` for what is not ours. The port behind the colon may be that of a tunnel, so any will do. */
export function parseHost(header: string): Wanted | undefined {
  if (header.length > LONGEST || !ASCII.test(header)) return undefined;
  const [, host, hostPort] = HOST.exec(header.toLowerCase()) ?? [];
  if (host === undefined || (hostPort !== undefined && !isPort(hostPort))) return undefined;
  if (OURS.has(host)) return { kind: "page" };
  if (!host.endsWith(SUFFIX)) return undefined;
  const [first = "", second, ...more] = host.slice(0, -SUFFIX.length).split(".");
  if (more.length > 0) return undefined;
  if (second === undefined) return NAME_PATTERN.test(first) ? { kind: "machine", name: first } : undefined;
  if (!NAME_PATTERN.test(second) || !isPort(first) || first.startsWith("0")) return undefined;
  return { kind: "port", name: second, port: Number(first) };
}

function isPort(digits: string): boolean {
  return /^\d{1,5}$/.test(digits) && Number(digits) >= 1 && Number(digits) <= 65_535;
}

/** What the reader types: no name but ours and the machine's is in it. */
export function linkTo(options: { name: string; port: number; gatewayPort: number }): string {
  const { name, port, gatewayPort } = options;
  return `http://${port}.${name}${SUFFIX}${gatewayPort === 80 ? "" : `:${gatewayPort}`}/`;
}
