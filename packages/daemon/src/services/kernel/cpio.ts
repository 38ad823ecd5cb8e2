/**
 * Writes cpio archives in the "newc" format, which is what a kernel unpacks as initramfs. Same entries, same bytes:
 * times are 0 and owners are root.
 */

export type CpioEntry =
  | { readonly kind: "dir"; readonly path: string; readonly mode?: number }
  | { readonly kind: "file"; readonly path: string; readonly mode?: number; readonly content: Uint8Array }
  | {
      readonly kind: "char";
      readonly path: string;
      readonly mode?: number;
      readonly major: number;
      readonly minor: number;
    };

const TYPE_BITS = { dir: 0o040000, file: 0o100000, char: 0o020000 } as const;
const DEFAULT_MODE = { dir: 0o755, file: 0o644, char: 0o600 } as const;
const ALIGN_BYTES = 4;

/** Parents come before what is in them. The result ends at a multiple of 4 bytes, so that archives can be joined. */
export function cpioArchive(entries: readonly CpioEntry[]): Buffer {
  const parts = entries.flatMap((entry, index) => member(entry, index + 1));
  return Buffer.concat([...parts, ...trailer()]);
}

function member(entry: CpioEntry, inode: number): Buffer[] {
  const content = entry.kind === "file" ? entry.content : new Uint8Array();
  const mode = TYPE_BITS[entry.kind] | (entry.mode ?? DEFAULT_MODE[entry.kind]);
  const device = entry.kind === "char" ? { major: entry.major, minor: entry.minor } : { major: 0, minor: 0 };
  const head = header(entry.path, { inode, mode, links: entry.kind === "dir" ? 2 : 1, bytes: content.length, device });
  return [head, padded(content)];
}

function trailer(): Buffer[] {
  return [header("TRAILER!!!", { inode: 0, mode: 0, links: 1, bytes: 0, device: { major: 0, minor: 0 } })];
}

type Fields = {
  readonly inode: number;
  readonly mode: number;
  readonly links: number;
  readonly bytes: number;
  readonly device: { readonly major: number; readonly minor: number };
};

function header(path: string, { inode, mode, links, bytes, device }: Fields): Buffer {
  const name = Buffer.from(`${path}\0`);
  const [uid, gid, mtime, major, minor, check] = [0, 0, 0, 0, 0, 0];
  const numbers = [
    inode,
    mode,
    uid,
    gid,
    links,
    mtime,
    bytes,
    major,
    minor,
    device.major,
    device.minor,
    name.length,
    check,
  ];
  const digits = numbers.map((value) => value.toString(16).toUpperCase().padStart(8, "0")).join("");
  return padded(Buffer.concat([Buffer.from(`070701${digits}`), name]));
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((ALIGN_BYTES - (bytes.length % ALIGN_BYTES)) % ALIGN_BYTES)]);
}
