/**
 * Makes ext4 file systems in sparse files, without mounting anything and without root: empty ones, or with the content
 * of a directory.
 *
 * The features are spelled out and the host's mke2fs.conf is ignored, so that every host makes the same file system.
 * It must never be given a file that a guest has written.
 */
import { open, rm } from "node:fs/promises";
import { AppError } from "@banger/contract/errors";
import { type Exec, ExecError, lastLine } from "@banger/platform/exec/run";
import { contentUuid } from "./ext4-uuid.ts";
import { saysOutOfSpace } from "./out-of-space.ts";
import { setLength } from "./set-length.ts";

export type Ext4Options = {
  /** apparent size of the file, `bytes`; rounded down to blocks */
  readonly sizeBytes: number;
  /** what the UUID and the hash seed are derived from, such as a content id */
  readonly identity: string;
  /** at most 16 bytes */
  readonly label?: string;
  /** becomes the root of the file system, with owners, modes, capabilities and extended attributes */
  readonly fromDir?: string;
  /** `MiB`, or none for a file system that is only read; when absent a quarter of the size, at most 64 */
  readonly journalMib?: number | "none";
  /** up to where it can be grown online, `bytes`; 1 TiB when absent */
  readonly growToBytes?: number;
  /** put before mke2fs, for instance an `unshare` into a user namespace in which `fromDir` can be read */
  readonly prefix?: readonly string[];
  /** `seconds` since 1970 for the times in the file system itself, where mke2fs knows how (1.47.1) */
  readonly sourceDateEpoch?: number;
};

export const BLOCK_BYTES = 4096;
export const INODE_BYTES = 256;
/** one group is 128 MiB; a small file system that is to grow needs the inodes of a whole group from the start */
export const GROUP_BYTES = 128 << 20;
export const INODES_PER_GROUP = 8192;
const MAX_JOURNAL_MIB = 64;
const MIN_JOURNAL_MIB = 4;
const DEFAULT_GROW_TO_BYTES = 2 ** 40;
const DEADLINE_MS = 30 * 60_000;

const FEATURES =
  "none,ext_attr,resize_inode,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum";

/** Makes `file`, which must not exist. It is not there if this fails. */
export async function makeExt4(
  exec: Exec,
  file: string,
  options: Ext4Options & { readonly signal: AbortSignal },
): Promise<void> {
  await (await open(file, "wx", 0o600)).close();
  try {
    await setLength(file, options.sizeBytes);
    await exec.run(mke2fsArgv(file, options), {
      signal: options.signal,
      deadlineMs: DEADLINE_MS,
      env: {
        MKE2FS_CONFIG: "/dev/null",
        ...(options.sourceDateEpoch === undefined ? {} : { SOURCE_DATE_EPOCH: String(options.sourceDateEpoch) }),
      },
    });
  } catch (error) {
    await rm(file, { force: true });
    throw explained(error, file, options);
  }
}

export function mke2fsArgv(file: string, options: Ext4Options): readonly string[] {
  const { sizeBytes, identity, label, fromDir, journalMib = defaultJournalMib(sizeBytes) } = options;
  const blocks = Math.floor(sizeBytes / BLOCK_BYTES);
  const inodes = Math.ceil(sizeBytes / GROUP_BYTES) * INODES_PER_GROUP;
  const growToBlocks = Math.max(blocks + 1, Math.floor((options.growToBytes ?? DEFAULT_GROW_TO_BYTES) / BLOCK_BYTES));
  const uuid = contentUuid(identity);
  // The file is new, hence all zeroes: nothing has to be zeroed, here or by the guest's kernel later on.
  const extended = [
    "lazy_itable_init=1,lazy_journal_init=1,assume_storage_prezeroed=1,nodiscard",
    `root_owner=0:0,hash_seed=${uuid}`,
    ...(journalMib === "none" ? [] : [`resize=${growToBlocks}`]),
  ];
  const journal = journalMib === "none" ? [] : ["-J", `size=${journalMib}`];
  const features = journalMib === "none" ? FEATURES.replace("resize_inode,", "") : `${FEATURES},has_journal`;
  return [
    ...(options.prefix ?? []),
    ...["mke2fs", "-q", "-F", "-b", String(BLOCK_BYTES), "-I", String(INODE_BYTES), "-m", "0", "-N", String(inodes)],
    ...["-O", features, "-E", extended.join(","), "-U", uuid, ...journal],
    ...(label === undefined ? [] : ["-L", label]),
    ...(fromDir === undefined ? [] : ["-d", fromDir]),
    ...["--", file, String(blocks)],
  ];
}

function defaultJournalMib(sizeBytes: number): number {
  return Math.max(MIN_JOURNAL_MIB, Math.min(MAX_JOURNAL_MIB, Math.floor(sizeBytes / 4 / 2 ** 20)));
}

function explained(error: unknown, file: string, options: Ext4Options): unknown {
  if (AppError.is(error, "PREREQUISITE_MISSING")) {
    return new AppError("PREREQUISITE_MISSING", `${error.facts.program ?? "mke2fs"} is not installed`, {
      facts: error.facts,
      hint: "Install it with `apt-get install e2fsprogs`.",
      cause: error,
    });
  }
  if (!(error instanceof ExecError) || error.code !== "COMMAND_FAILED") return error;
  const said = error.result.stderr;
  const facts = { file, sizeBytes: options.sizeBytes };
  if (/Could not allocate (?:block|inode) in ext2 filesystem|not enough space for/i.test(said)) {
    const what = `${options.fromDir ?? "the content"} does not fit into a file system of ${options.sizeBytes} bytes`;
    return new AppError("SIZE_INVALID", what, { facts, hint: "Ask for a larger file system.", cause: error });
  }
  if (saysOutOfSpace(said)) {
    return new AppError("DISK_FULL", `no space left for ${file}`, { facts, cause: error });
  }
  return new AppError("BUILD_FAILED", `mke2fs could not make ${file}: ${lastLine(said)}`, { facts, cause: error });
}
