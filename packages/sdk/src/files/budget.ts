/** How much may be taken out of a machine, unasked: a guest could send for ever, or announce more than any disk holds. */
import { AppError } from "@banger/contract/errors";
import { formatBytes } from "@banger/contract/sizes";
import type { TarEntry } from "./tar-header.ts";

export type Limits = { readonly maxEntries: number; readonly maxBytes: number };
export type OnTotal = (total: { readonly entries: number; readonly bytes: number }) => void;
export type OnProgress = (progress: { readonly entries: number; readonly bytes: number }) => void;

export const DEFAULT_LIMITS: Limits = { maxEntries: 500_000, maxBytes: 16 * 2 ** 30 };
export const NO_LIMITS: Limits = { maxEntries: Number.POSITIVE_INFINITY, maxBytes: Number.POSITIVE_INFINITY };

export class Budget {
  /** files, links and the like so far; directories are not counted to whoever waits */
  entries = 0;
  /** written so far */
  bytes = 0;
  /** with directories */
  #taken = 0;
  #announced = 0;
  readonly #limits: Limits;
  readonly #onProgress: OnProgress;

  constructor(limits: Limits, onProgress: OnProgress = () => undefined) {
    this.#limits = limits;
    this.#onProgress = onProgress;
  }

  /** Before anything of the entry is written. */
  take({ size, kind }: Pick<TarEntry, "size" | "kind">): void {
    const { maxEntries, maxBytes } = this.#limits;
    this.#taken += 1;
    if (kind !== "directory") this.entries += 1;
    this.#announced += size;
    if (this.#taken > maxEntries) {
      throw new AppError("COPY_TOO_LARGE", `the machine sends more than ${maxEntries} files`, {
        facts: { maxEntries },
        hint: "If you mean it, copy with --force.",
      });
    }
    if (this.#announced > maxBytes) {
      const sizes = `${formatBytes(this.#announced)} or more, and ${formatBytes(maxBytes)} are allowed`;
      throw new AppError("COPY_TOO_LARGE", `the machine sends ${sizes}`, {
        facts: { maxBytes, bytes: this.#announced },
      });
    }
    this.#onProgress(this);
  }

  /** What was taken is not among the files after all. */
  leftOut(): void {
    this.entries -= 1;
  }

  wrote(bytes: number): void {
    this.bytes += bytes;
    this.#onProgress(this);
  }
}
