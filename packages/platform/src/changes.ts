/** Something that changes now and then, for those who wait until it has: nobody who looks first can miss a change. */
import { raceAbort } from "./time/deadline.ts";

export class Changes {
  #version = 0;
  #next = Promise.withResolvers<void>();

  /** grows with every change */
  get version(): number {
    return this.#version;
  }

  tell(): void {
    this.#version += 1;
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  /** Resolves when it is no longer what it was at version `seen`. */
  async since(seen: number, { signal }: { signal: AbortSignal }): Promise<void> {
    while (this.#version === seen) await raceAbort(this.#next.promise, signal);
  }
}
