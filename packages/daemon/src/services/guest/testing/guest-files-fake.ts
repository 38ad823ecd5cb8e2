/** Files of the fake agent, in memory. */
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { ERRNO } from "@banger/contract/guest/errno";
import { WRITE_FLAG } from "@banger/contract/guest/messages";
import { z } from "zod";
import type { SeparateEnds } from "../channel/stream-ends.ts";
import { FakeRefusal } from "./guest-agent-port-fake.ts";

type File = { readonly bytes: Buffer; readonly mode: number; readonly uid: number; readonly gid: number };

const CHUNK_BYTES = 32_768;
const Entry = z.object({ path: z.string(), content: z.string(), mode: z.number(), uid: z.number(), gid: z.number() });

export class FakeFiles {
  readonly files = new Map<string, File>();
  readonly directories = new Set(["/", "/etc", "/root", "/tmp", "/work"]);

  find(path: string): File {
    const file = this.files.get(path);
    if (!file) throw new FakeRefusal(ERRNO.noEntry, ""); // as the agent does
    return file;
  }

  /** The named members as an archive that only this fake can unpack. */
  pack(directory: string, members: readonly string[]): Buffer {
    const entries = [...this.files].filter(([path]) =>
      members.some((member) => beneath(path, `${directory}/${member}`)),
    );
    if (entries.length === 0) throw new FakeRefusal(ERRNO.noEntry, `nothing of that name in ${directory}`);
    const lines = entries.map(([path, { bytes, ...rest }]) => {
      return JSON.stringify({ path: path.slice(directory.length), content: bytes.toString("base64"), ...rest });
    });
    return Buffer.from(lines.join("\n"));
  }

  unpack(directory: string, archive: Buffer): number {
    const lines = archive.toString("utf8").split("\n");
    this.directories.add(directory);
    for (const line of lines) {
      const { path, content, ...rest } = Entry.parse(JSON.parse(line));
      this.files.set(directory + path, { bytes: Buffer.from(content, "base64"), ...rest });
    }
    return lines.length;
  }

  async send(bytes: Buffer, ends: SeparateEnds): Promise<void> {
    const chunks = [];
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
    await pipeline(chunks, ends.writable);
  }

  async receive(ends: SeparateEnds): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of ends.readable) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  checkWrite(path: string, flags: number): void {
    if (!this.directories.has(dirname(path)))
      throw new FakeRefusal(ERRNO.noEntry, `no such directory: ${dirname(path)}`);
    const exists = this.files.has(path);
    if (exists && (flags & WRITE_FLAG.exclusive) !== 0) throw new FakeRefusal(ERRNO.exists, `it exists: ${path}`);
    if (!exists && (flags & WRITE_FLAG.create) === 0) throw new FakeRefusal(ERRNO.noEntry, `no such file: ${path}`);
  }
}

function beneath(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}
