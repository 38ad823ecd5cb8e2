/** What services do alike with what they have in a content store. */
import { AppError } from "@banger/contract/errors";
import type { ContentStore, StoredEntry, StoredManifest, StoreListing } from "./content-store.ts";
import { chooseEntry, type StoreKind } from "./find-entry.ts";

/** The entry, if it passes the check; what is there but damaged is removed, to be made anew. */
export async function soundEntry<M extends StoredManifest>(
  store: ContentStore<M>,
  id: string,
  check: (entry: StoredEntry<M>) => Promise<void>,
): Promise<StoredEntry<M> | undefined> {
  const entry = await store.get(id);
  if (!entry) return undefined;
  try {
    await check(entry);
    return entry;
  } catch (error) {
    if (!AppError.is(error, "IMAGE_CORRUPT") && !AppError.is(error, "KERNEL_CORRUPT")) throw error;
    await store.remove(id);
    return undefined;
  }
}

/** What a reference means, be it corrupt and named by its exact id. */
export function idOf<M extends StoredManifest>(
  listing: StoreListing<M>,
  { ref, kind }: { ref: string; kind: StoreKind },
): string {
  return listing.corrupt.some(({ id }) => id === ref) ? ref : chooseEntry(listing, { ref, kind }).manifest.id;
}

/** What is corrupt can be removed too, by its exact id. Throws IN_USE with the names of the machines. */
export async function removeUnused<M extends StoredManifest>(
  store: ContentStore<M>,
  ref: string,
  options: { kind: StoreKind; usedBy: (id: string) => readonly string[] | Promise<readonly string[]> },
): Promise<{ id: string }> {
  const id = idOf(await store.list(), { ref, kind: options.kind });
  const users = await options.usedBy(id);
  if (users.length > 0) {
    throw new AppError("IN_USE", `${options.kind} ${ref} is used by ${users.join(", ")}`, {
      facts: { id, machines: users.length },
    });
  }
  await store.remove(id);
  return { id };
}
