/** Files and trees of the fake agent, in memory. A tree is the tar that was unpacked there. */
import { pipeline } from "node:stream/promises";
import { ERRNO } from "@banger/contract/guest/errno";
import { WRITE_FLAG } from "@banger/contract/guest/messages";
import { FakeRefusal } from "./guest-agent-port-fake.ts";
import type { SeparateEnds } from "./stream-ends.ts";

type File = { readonly bytes: Buffer; readonly mode: number; readonly uid: number; readonly gid: number };

const CHUNK_BYTES = 32_768;

export class FakeFiles {
  readonly files = new Map<string, File>();
  readonly trees = new Map<string, Buffer>();

  find(path: string): File {
    const file = this.files.get(path);
    if (!file) throw new FakeRefusal(ERRNO.noEntry, `no such file: ${path}`);
    return file;
  }

  tree(directory: string): Buffer {
    const tree = this.trees.get(directory);
    if (!tree) throw new FakeRefusal(ERRNO.noEntry, `no such directory: ${directory}`);
    return tree;
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
    const exists = this.files.has(path);
    if (exists && (flags & WRITE_FLAG.exclusive) !== 0) throw new FakeRefusal(ERRNO.exists, `it exists: ${path}`);
    if (!exists && (flags & WRITE_FLAG.create) === 0) throw new FakeRefusal(ERRNO.noEntry, `no such file: ${path}`);
  }
}
