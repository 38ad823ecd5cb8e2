/**
 * A directory of the host, and what lies beneath it, by descriptors. Each directory is opened in the one before it and never
 * through a link, so a name that a guest chose leads nowhere else, whatever lies there already. Names are single components,
 * and bytes. Calls are synchronous: each takes microseconds, and nothing can come between a look and what follows from it.
 */
import { closeSync, constants, openSync } from "node:fs";
import { AppError } from "@banger/contract/errors";
import { errnoOf, isMissing } from "@banger/platform/fs/errno";
import { type Names, shown } from "./entry-names.ts";
import { unsafe } from "./tar-decode.ts";

type Open = { readonly name: Buffer; readonly fd: number };

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY;

export class Beneath implements Disposable {
  readonly #root: number;
  /** from the root down, as far as the last call went: archives list directories in order */
  #opened: Open[] = [];

  /** The directory itself is the user's word, and its links are followed. */
  constructor(path: string) {
    this.#root = openSync(path, DIRECTORY);
  }

  /** The same directory once more, for calls that take two paths. */
  again(): Beneath {
    return new Beneath(`/proc/self/fd/${this.#root}`);
  }

  /** A path of the entry that holds whatever its directory has become since; good until the next call. */
  at(names: Names): Buffer {
    const leaf = names.at(-1);
    if (leaf === undefined) return Buffer.from(`/proc/self/fd/${this.#root}/.`);
    const parent = this.#enter(names.slice(0, -1));
    return Buffer.concat([Buffer.from(`/proc/self/fd/${parent}/`), leaf]);
  }

  [Symbol.dispose](): void {
    this.#leave(0);
    closeSync(this.#root);
  }

  #enter(names: Names): number {
    let known = 0;
    while (known < names.length && this.#opened[known]?.name.equals(names[known] ?? Buffer.alloc(0))) known += 1;
    this.#leave(known);
    for (const name of names.slice(known)) {
      const path = Buffer.concat([Buffer.from(`/proc/self/fd/${this.#last()}/`), name]);
      this.#opened.push({ name: Buffer.from(name), fd: openDirectory(path, name) });
    }
    return this.#last();
  }

  #last(): number {
    return this.#opened.at(-1)?.fd ?? this.#root;
  }

  #leave(depth: number): void {
    for (const { fd } of this.#opened.splice(depth)) closeSync(fd);
  }
}

function openDirectory(path: Buffer, name: Buffer): number {
  try {
    return openSync(path, DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if (isMissing(error)) throw unsafe(`it has something in ${shown(name)}, and no ${shown(name)} before`);
    if (errnoOf(error) !== "ELOOP" && errnoOf(error) !== "ENOTDIR") throw error;
    throw new AppError("FILE_UNWRITABLE", `${shown(name)} is in the way: it is a link or a file, and no directory`, {
      hint: "Links are not followed beneath the target; remove it, or copy to another place.",
      cause: error,
    });
  }
}
