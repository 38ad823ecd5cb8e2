/** Makes an image's two file systems out of its tree, in the builder's namespace: nothing is mounted. */
import { join } from "node:path";
import type { Exec } from "@banger/platform/exec/run";
import type { Progress } from "../content/shared-work.ts";
import { makeExt4 } from "../storage/ext4.ts";
import { usedExtents } from "../storage/ext4-used.ts";
import { readSparseContent, type SparseContent } from "../storage/sparse-content.ts";
import { ROOT_FILE, WORK_SEED_FILE } from "./manifest.ts";

/** sparse: an image takes what it holds, and a machine's root need not be grown at its first boot */
export const ROOT_BYTES = 8 * 2 ** 30;
/** small, but with the journal that it needs once it has grown */
export const WORK_SEED_BYTES = 256 * 2 ** 20;
const WORK_SEED_JOURNAL_MIB = 64;
/** A home is private, and has no lost+found to stumble over. */
const HOME_REQUESTS = "set_inode_field / mode 040700\nrmdir lost+found\n";
const DEBUGFS_DEADLINE_MS = 30_000;

export type ImageFilesOptions = {
  readonly id: string;
  readonly tree: string;
  /** where the files go */
  readonly dir: string;
  readonly prefix: readonly string[];
  readonly signal: AbortSignal;
  readonly progress: Progress;
};
export type MadeFile = { readonly name: string; readonly bytes: number; readonly content: SparseContent };

export async function makeRootFile(exec: Exec, options: ImageFilesOptions): Promise<MadeFile> {
  const { id, tree, dir, prefix, signal, progress } = options;
  progress({ name: "make file system" });
  const path = join(dir, ROOT_FILE);
  await makeExt4(exec, path, { sizeBytes: ROOT_BYTES, identity: `${id} root`, fromDir: tree, prefix, signal });
  const content = await readSparseContent(path, {
    within: await usedExtents(exec, path, { signal }),
    signal,
    progress: (doneBytes, totalBytes) => progress({ name: "fingerprint", doneBytes, totalBytes }),
  });
  return { name: ROOT_FILE, bytes: ROOT_BYTES, content };
}

export async function makeWorkSeed(exec: Exec, options: ImageFilesOptions): Promise<MadeFile> {
  const { id, tree, dir, prefix, signal, progress } = options;
  progress({ name: "work seed" });
  const path = join(dir, WORK_SEED_FILE);
  await makeExt4(exec, path, {
    sizeBytes: WORK_SEED_BYTES,
    identity: `${id} work`,
    label: "work",
    fromDir: join(tree, "root"),
    journalMib: WORK_SEED_JOURNAL_MIB,
    prefix,
    signal,
  });
  await exec.run(["debugfs", "-w", "-f", "-", path], {
    input: HOME_REQUESTS,
    signal,
    deadlineMs: DEBUGFS_DEADLINE_MS,
  });
  const content = await readSparseContent(path, { within: await usedExtents(exec, path, { signal }), signal });
  return { name: WORK_SEED_FILE, bytes: WORK_SEED_BYTES, content };
}
