/** What a reference means: exact id, exact name, or the beginning of one id. */
import { AppError, type ErrorCode } from "@banger/contract/errors";
import type { StoredEntry, StoredManifest, StoreListing } from "./content-store.ts";

export type StoreKind = "image" | "kernel";

const CODES = {
  image: { missing: "IMAGE_NOT_FOUND", corrupt: "IMAGE_CORRUPT" },
  kernel: { missing: "KERNEL_NOT_FOUND", corrupt: "KERNEL_CORRUPT" },
} as const satisfies Record<StoreKind, Record<string, ErrorCode>>;

export function chooseEntry<M extends StoredManifest>(
  listing: StoreListing<M>,
  { ref, kind }: { ref: string; kind: StoreKind },
): StoredEntry<M> {
  const { entries, corrupt } = listing; // newest first, so that the newest of a name is found first
  const exact =
    entries.find(({ manifest }) => manifest.id === ref) ?? entries.find(({ manifest }) => manifest.name === ref);
  if (exact) return exact;
  const broken = corrupt.find(({ id }) => id === ref);
  if (broken) {
    throw new AppError(CODES[kind].corrupt, `${kind} ${ref} is corrupt: ${broken.reason}`, { facts: { id: ref } });
  }
  const [first, ...others] = ref === "" ? [] : entries.filter(({ manifest }) => manifest.id.startsWith(ref));
  if (!first) throw new AppError(CODES[kind].missing, `there is no ${kind} ${JSON.stringify(ref)}`, { facts: { ref } });
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ manifest }) => `${manifest.id} (${manifest.name})`).join(", ");
  throw new AppError("REF_AMBIGUOUS", `"${ref}" could be any of the ${kind}s ${names}`, {
    facts: { ref, candidates: others.length + 1 },
  });
}
