/** Archives as tests need them: honest ones by the encoder, hostile ones by hand. */
import { END_OF_ARCHIVE, encodeEntry, padding, type TarEntry } from "../files/tar-header.ts";

export type Member = Partial<Omit<TarEntry, "name" | "link">> & {
  readonly name: string | Buffer;
  readonly link?: string | Buffer;
  readonly content?: string | Buffer;
};

export function tarOf(members: readonly Member[], options: { end?: boolean } = {}): Buffer {
  const parts = members.map((member) => {
    const content = Buffer.from(member.content ?? "");
    const entry = encodeEntry({
      ...{ kind: "file", mode: 0o644, mtimeNs: 0n, size: content.length },
      ...member,
      name: Buffer.from(member.name),
      link: Buffer.from(member.link ?? ""),
    });
    return Buffer.concat([entry, content, Buffer.alloc(padding(content.length))]);
  });
  return Buffer.concat([...parts, ...(options.end === false ? [] : [END_OF_ARCHIVE])]);
}

/** The same in pieces of a size. */
export async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
