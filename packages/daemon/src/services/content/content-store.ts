/**
 * Immutable directories `ROOT/ID/`, each with a `manifest.json`: images and kernels.
 *
 * A directory is made beside its place and renamed into it when everything is on disk, so that what is visible is
 * whole. Nothing here knows what the files mean, who uses them, or may change a file once published.
 */
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "@banger/contract/errors";
import { atomicWrite, syncDirectory } from "@banger/platform/fs/atomic-write";
import { errnoOf, isMissing, isOutOfSpace } from "@banger/platform/fs/errno";
import { removeTree } from "@banger/platform/fs/remove-tree";
import { treeBytes } from "@banger/platform/fs/tree-bytes";
import type * as z from "zod";
import { ContentId } from "./content-id.ts";
import { chooseEntry, type StoreKind } from "./find-entry.ts";
import { MANIFEST_FILE, type ReadResult, readEntry } from "./read-entry.ts";
import { seal } from "./seal.ts";
import { SharedWork } from "./shared-work.ts";
import { type StagingOwner, stagingPath, sweepStaging } from "./staging.ts";

export type StoredManifest = { readonly id: string; readonly name: string; readonly createdAt: string };
export type StoredEntry<M> = { readonly manifest: M; readonly dir: string };
export type CorruptEntry = { readonly id: string; readonly dir: string; readonly reason: string };
export type StoreListing<M> = {
  /** newest first */
  readonly entries: ReadonlyArray<StoredEntry<M>>;
  readonly corrupt: readonly CorruptEntry[];
};
export type Fill<M> = (stagingDir: string, context: { signal: AbortSignal }) => Promise<M>;

export type ContentStoreDeps<M extends StoredManifest> = {
  readonly root: string;
  readonly kind: StoreKind;
  readonly schema: z.ZodType<M>;
  readonly owner: StagingOwner;
};

export class ContentStore<M extends StoredManifest> {
  readonly #root: string;
  readonly #kind: StoreKind;
  readonly #schema: z.ZodType<M>;
  readonly #owner: StagingOwner;
  readonly #publishing = new SharedWork<StoredEntry<M>>();

  constructor(deps: ContentStoreDeps<M>) {
    this.#root = deps.root;
    this.#kind = deps.kind;
    this.#schema = deps.schema;
    this.#owner = deps.owner;
  }

  /** Where entries will lie; made if it is not there yet. */
  async directory(): Promise<string> {
    await mkdir(this.#root, { recursive: true, mode: 0o700 });
    return this.#root;
  }

  async list(): Promise<StoreListing<M>> {
    const entries: Array<StoredEntry<M>> = [];
    const corrupt: CorruptEntry[] = [];
    for (const id of (await this.#names()).filter((name) => !name.startsWith("."))) {
      const read = await this.#read(id);
      if (read.is === "whole") entries.push(read.entry);
      if (read.is === "corrupt") corrupt.push(read.entry);
    }
    entries.sort(
      (a, b) => compare(b.manifest.createdAt, a.manifest.createdAt) || compare(a.manifest.id, b.manifest.id),
    );
    return { entries, corrupt };
  }

  /** By exact id, then by exact name (the newest that has it), then by unambiguous id prefix. */
  async find(ref: string): Promise<StoredEntry<M>> {
    return chooseEntry(await this.list(), { ref, kind: this.#kind });
  }

  /** The entry with exactly this id, if it is there and whole. */
  async get(id: string): Promise<StoredEntry<M> | undefined> {
    const read = await this.#read(ContentId.parse(id));
    return read.is === "whole" ? read.entry : undefined;
  }

  /**
   * Makes `ROOT/ID` unless it is there. Callers with the same id join one `fill`; what is there but corrupt is replaced.
   */
  async publish(id: string, fill: Fill<M>, { signal }: { signal: AbortSignal }): Promise<StoredEntry<M>> {
    const existing = await this.get(id);
    if (existing) return existing;
    return await this.#publishing.join(id, (context) => this.#make(id, fill, context.signal), { signal });
  }

  /** The directory vanishes at once, its space a little later. */
  async remove(id: string): Promise<void> {
    await this.#discard(join(this.#root, ContentId.parse(id)));
  }

  async bytesOnDisk(id: string): Promise<number> {
    return await treeBytes(join(this.#root, ContentId.parse(id)));
  }

  /** Removes what processes that are gone have left half-made or half-removed; returns the names. */
  async sweep(): Promise<readonly string[]> {
    return await sweepStaging(this.#root, this.#owner);
  }

  async #make(id: string, fill: Fill<M>, signal: AbortSignal): Promise<StoredEntry<M>> {
    await this.directory();
    const staging = stagingPath(this.#root, { what: "staging", owner: this.#owner });
    try {
      await mkdir(staging, { mode: 0o755 });
      const manifest = this.#schema.parse(await fill(staging, { signal }));
      if (manifest.id !== id) throw new AppError("INTERNAL", `a manifest of ${id} names itself ${manifest.id}`);
      await atomicWrite(join(staging, MANIFEST_FILE), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o444 });
      await seal(staging);
      signal.throwIfAborted();
      return await this.#expose(id, staging);
    } catch (error) {
      throw isOutOfSpace(error) ? fullDisk(this.#root, this.#kind, error) : error;
    } finally {
      await removeTree(staging, { under: this.#root });
    }
  }

  async #expose(id: string, staging: string): Promise<StoredEntry<M>> {
    const dir = join(this.#root, id);
    if ((await this.#read(id)).is === "corrupt") await this.#discard(dir);
    try {
      await rename(staging, dir);
    } catch (error) {
      // Another process was quicker with the same content; ours is dropped.
      if (errnoOf(error) !== "ENOTEMPTY" && errnoOf(error) !== "EEXIST") throw error;
    }
    await syncDirectory(this.#root);
    const read = await this.#read(id);
    if (read.is === "whole") return read.entry;
    throw new AppError("INTERNAL", `${this.#kind} ${id} can not be read back: ${read.is}`);
  }

  async #discard(dir: string): Promise<void> {
    const trash = stagingPath(this.#root, { what: "trash", owner: this.#owner });
    try {
      await rename(dir, trash);
    } catch (error) {
      if (isMissing(error)) return;
      throw error;
    }
    await syncDirectory(this.#root);
    await removeTree(trash, { under: this.#root });
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#root)).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  async #read(id: string): Promise<ReadResult<M>> {
    return await readEntry(join(this.#root, id), { id, schema: this.#schema });
  }
}

function fullDisk(root: string, kind: StoreKind, cause: unknown): AppError {
  return new AppError("DISK_FULL", `no space left in ${root} while making a ${kind}`, { facts: { root, kind }, cause });
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
