/**
 * Whose socket is at the other end of a TCP connection within this host, as the kernel's table of sockets tells it.
 *
 * It says who has a connection now, for letting in or turning away; it never names a process to act on.
 */
import { readFile } from "node:fs/promises";
import { isIPv4, isIPv6, SocketAddress } from "node:net";
import { endianness } from "node:os";

export type Endpoint = { readonly address: string; readonly port: number };
/** A connection as the one who asks sees it. */
export type Connection = { readonly local: Endpoint; readonly remote: Endpoint };
export type ReadTable = (family: "tcp" | "tcp6") => Promise<string>;

const MAPPED = "0000000000000000FFFF0000";
const UID_COLUMN = 7;
const INODE_COLUMN = 9;

export const readSocketTable: ReadTable = async (family) => await readFile(`/proc/net/${family}`, "latin1");

/** In the kernel's notation: each 32 bits as a number of this host's byte order, in hexadecimal digits. */
export function kernelNotation({ address, port }: Endpoint): string | undefined {
  const bytes = addressBytes(address);
  if (!bytes || !Number.isInteger(port) || port < 0 || port > 0xffff) return undefined;
  const words: string[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    const word = endianness() === "LE" ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    words.push(word.toString(16).toUpperCase().padStart(8, "0"));
  }
  return `${words.join("")}:${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

function addressBytes(address: string): Buffer | undefined {
  if (isIPv4(address)) return Buffer.from(address.split(".").map(Number));
  if (!isIPv6(address) || address.includes("%")) return undefined;
  // The canonical form has at most one `::` and writes a mapped address with its dotted tail.
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(canonical);
  const tail = dotted?.[2] ? Buffer.from(dotted[2].split(".").map(Number)) : Buffer.alloc(0);
  const [head = "", rest] = (dotted?.[1]?.replace(/([^:]):$/, "$1") ?? canonical).split("::");
  const groups = (text: string) => Buffer.from(groupDigits(text), "hex");
  const [before, after] = [groups(head), groups(rest ?? "")];
  const zeros = Buffer.alloc(16 - before.length - after.length - tail.length);
  return Buffer.concat([before, zeros, after, tail]);
}

function groupDigits(text: string): string {
  return text
    .split(":")
    .filter((group) => group !== "")
    .map((group) => group.padStart(4, "0"))
    .join("");
}

/**
 * The owner of the socket that has `local` and `remote`. A row without an inode belongs to nobody any more (the kernel
 * then shows uid 0, whoever it was), so it is no answer.
 */
export function ownerIn(table: string, { local, remote }: { local: string; remote: string }): number | undefined {
  for (let at = table.indexOf(` ${local} ${remote} `); at !== -1; at = table.indexOf(` ${local} ${remote} `, at + 1)) {
    const start = table.lastIndexOf("\n", at) + 1;
    const end = table.indexOf("\n", at);
    const columns = table
      .slice(start, end === -1 ? undefined : end)
      .trim()
      .split(/\s+/);
    const [uid, inode] = [columns[UID_COLUMN], columns[INODE_COLUMN]];
    if (uid !== undefined && /^\d+$/.test(uid) && inode !== undefined && /^[1-9]\d*$/.test(inode)) return Number(uid);
  }
  return undefined;
}

/** Rows that move while the table is read can be missed, so it is read again before a socket counts as unknown. */
const READS = 3;

export class SocketOwners {
  readonly #read: ReadTable;
  readonly #reading = new Map<string, { readonly now: Promise<string>; next: Promise<string> | undefined }>();

  constructor(read: ReadTable = readSocketTable) {
    this.#read = read;
  }

  /** The uid of the other end of a connection within this host; `undefined` when the kernel does not say. */
  async peerUid({ local, remote }: Connection): Promise<number | undefined> {
    const theirs = { local: kernelNotation(remote), remote: kernelNotation(local) };
    if (theirs.local === undefined || theirs.remote === undefined) return undefined;
    const row = { local: theirs.local, remote: theirs.remote };
    const isV4 = isIPv4(local.address);
    for (let read = 0; read < READS; read += 1) {
      const uid = ownerIn(await this.#table(isV4 ? "tcp" : "tcp6"), row);
      if (uid !== undefined) return uid;
      if (!isV4) continue;
      // A socket of the other family can reach an IPv4 listener, too.
      const mapped = ownerIn(await this.#table("tcp6"), { local: MAPPED + row.local, remote: MAPPED + row.remote });
      if (mapped !== undefined) return mapped;
    }
    return undefined;
  }

  /** A reading that begins after the call: one under way may have passed the row already. Those who wait share it. */
  async #table(family: "tcp" | "tcp6"): Promise<string> {
    const current = this.#reading.get(family);
    if (!current) return await this.#start(family);
    const begin = () => this.#start(family);
    current.next ??= current.now.then(begin, begin);
    return await current.next;
  }

  #start(family: "tcp" | "tcp6"): Promise<string> {
    const reading = { now: this.#read(family), next: undefined };
    this.#reading.set(family, reading);
    const done = () => {
      if (this.#reading.get(family) === reading && reading.next === undefined) this.#reading.delete(family);
    };
    reading.now.then(done, done);
    return reading.now;
  }
}
