/**
 * Who listens on a TCP port of this host, for a message that says whom to ask. The answer may be old when it is read, so
 * nobody acts on it.
 */
import { readdir, readFile, readlink } from "node:fs/promises";
import { sanitize } from "@banger/contract/guest-text";
import { type ReadTable, readSocketTable } from "./socket-table.ts";

export type PortOwner = { readonly pid: number; readonly name: string };

const LISTENING = "0A";
const PROCESSES = "/proc/";

/** Inodes of the sockets that listen on the port, whatever their address. */
export function listenersIn(table: string, port: number): readonly string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode] = line.trim().split(/\s+/);
    return state === LISTENING && local.endsWith(wanted) && inode !== undefined ? [inode] : [];
  });
}

/** `undefined` when nobody listens, or it is a process that we may not look at. */
export async function portOwner(
  port: number,
  options: { readTable?: ReadTable; signal: AbortSignal },
): Promise<PortOwner | undefined> {
  const { readTable = readSocketTable, signal } = options;
  const tables = await Promise.all([readTable("tcp"), readTable("tcp6").catch(() => "")]); // a host without IPv6
  const links = new Set(tables.flatMap((table) => listenersIn(table, port)).map((inode) => `socket:[${inode}]`));
  if (links.size === 0) return undefined;
  for (const entry of await readdir(PROCESSES)) {
    signal.throwIfAborted();
    if (/^\d+$/.test(entry) && (await hasOpen(entry, links))) return await nameOf(entry);
  }
  return undefined;
}

async function hasOpen(pid: string, links: ReadonlySet<string>): Promise<boolean> {
  try {
    for (const fd of await readdir(`${PROCESSES}${pid}/fd`)) {
      const target = await readlink(`${PROCESSES}${pid}/fd/${fd}`).catch(() => ""); // closed meanwhile
      if (links.has(target)) return true;
    }
  } catch {
    // Another user's process, or one that has just ended.
  }
  return false;
}

async function nameOf(pid: string): Promise<PortOwner | undefined> {
  try {
    const name = (await readFile(`${PROCESSES}${pid}/comm`, "utf8")).trimEnd();
    return { pid: Number(pid), name: sanitize(name, { max: 32 }) };
  } catch {
    return undefined; // it has just ended
  }
}
