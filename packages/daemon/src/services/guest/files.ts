/** Files of the guest: facts, contents, and trees as tar streams. The host never interprets what a tar says here. */
import type { Readable } from "node:stream";
import { TAR_FLAG, WRITE_FLAG } from "@banger/contract/guest/messages";
import type { GuestText } from "@banger/contract/guest-text";
import type { GuestChannel } from "./channel/guest-channel.ts";
import type { Waiting } from "./channel/guest-error.ts";
import { receiveContent, sendContent } from "./transfer.ts";

export type GuestFileStat = {
  /** as in stat(2), type and permissions */
  readonly mode: number;
  readonly size: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  /** of a symbolic link */
  readonly target: GuestText | undefined;
};

export async function statFile(
  channel: GuestChannel,
  path: string,
  waiting: Waiting & { follow?: boolean },
): Promise<GuestFileStat> {
  const request = { path, follow: waiting.follow === false ? 0 : 1 };
  const answer = await channel.request("stat", request, { ...waiting, what: `STAT of ${JSON.stringify(path)}` });
  const { mode, size, uid, gid, mtime, target } = answer;
  return { mode, size, uid, gid, mtimeNs: mtime, target };
}

/** A file's content, or `count` bytes from `from`. */
export function readFile(
  channel: GuestChannel,
  path: string,
  waiting: Waiting & { from?: number; count?: number },
): Readable {
  const { from, count } = waiting;
  const fields = (stream: { stream: number; window: number }) => ({ path, from, count, ...stream });
  return receiveContent(channel, "read", { ...waiting, what: `READ of ${JSON.stringify(path)}`, fields });
}

export type WriteOptions = {
  readonly path: string;
  /** permissions of a new file */
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** fails if it exists; otherwise it is replaced, when all has come and not before */
  readonly exclusive?: boolean;
};

/** Resolves with the bytes that are on the guest's disk. */
export async function writeFile(
  channel: GuestChannel,
  options: WriteOptions & { source: AsyncIterable<Uint8Array> },
  waiting: Waiting,
): Promise<number> {
  const { path, mode, uid, gid, exclusive = false, source } = options;
  const flags = WRITE_FLAG.create | (exclusive ? WRITE_FLAG.exclusive : WRITE_FLAG.truncate | WRITE_FLAG.whole);
  const fields = ({ stream }: { stream: number }) => ({ path, stream, mode, uid, gid, flags });
  const answer = await sendContent(channel, "write", {
    ...waiting,
    what: `WRITE of ${JSON.stringify(path)}`,
    fields,
    source,
  });
  return answer.bytes ?? 0;
}

/** A pax tar of the members beneath the directory. It is the guest's word: extract it with care. */
export function tarOut(
  channel: GuestChannel,
  options: { directory: string; members: readonly string[]; followNamed?: boolean },
  waiting: Waiting,
): Readable {
  const { directory, members, followNamed = false } = options;
  const flags = followNamed ? TAR_FLAG.followNamed : 0;
  const fields = (stream: { stream: number; window: number }) => ({ directory, member: members, flags, ...stream });
  return receiveContent(channel, "tarOut", { ...waiting, what: `TAR_OUT of ${JSON.stringify(directory)}`, fields });
}

export type TarInOptions = {
  readonly directory: string;
  readonly keepOwners?: boolean;
  readonly makeDirectory?: boolean;
};

/** Unpacks a tar beneath the directory; resolves when it is all there. */
export async function tarIn(
  channel: GuestChannel,
  options: TarInOptions & { source: AsyncIterable<Uint8Array> },
  waiting: Waiting,
): Promise<{ entries: number; bytes: number }> {
  const { directory, keepOwners = false, makeDirectory = false, source } = options;
  const flags = (keepOwners ? TAR_FLAG.keepOwners : 0) | (makeDirectory ? TAR_FLAG.makeDirectory : 0);
  const fields = ({ stream }: { stream: number }) => ({ directory, stream, flags });
  const what = `TAR_IN to ${JSON.stringify(directory)}`;
  const { entries = 0, bytes = 0 } = await sendContent(channel, "tarIn", { ...waiting, what, fields, source });
  return { entries, bytes };
}
