/** What services do alike with what they have in a content store. */
import { AppError } from "@banger/contract/errors";
import type { ContentStore, StoredEntry, StoredManifest } from "./content-store.ts";
import type { StoreKind } from "./content-store-ref.ts";

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

/** What is corrupt can be removed too, by its exact id. Throws IN_USE with the names of the machines. */
export async function removeUnused<M extends StoredManifest>(
  store: ContentStore<M>,
  ref: string,
  options: { kind: StoreKind; usedBy: (id: string) => readonly string[] | Promise<readonly string[]> },
): Promise<{ id: string }> {
  const isCorrupt = (await store.list()).corrupt.some(({ id }) => id === ref);
  const id = isCorrupt ? ref : (await store.find(ref)).manifest.id;
  const users = await options.usedBy(id);
  if (users.length > 0) {
    throw new AppError("IN_USE", `${options.kind} ${ref} is used by ${users.join(", ")}`, {
      facts: { id, machines: users.length },
    });
  }
  await store.remove(id);
  return { id };
}
