/** What a copy did not take, or not as it was: how often each, and the first one's name. */
import { shown } from "./entry-names.ts";

export type LeftOutView = { readonly what: string; readonly count: number; readonly first: string };

export class LeftOut {
  readonly #kinds = new Map<string, { count: number; readonly first: string }>();

  add(what: string, name: Buffer): void {
    const known = this.#kinds.get(what);
    if (known) known.count += 1;
    else this.#kinds.set(what, { count: 1, first: shown(name) });
  }

  view(): readonly LeftOutView[] {
    return [...this.#kinds].map(([what, { count, first }]) => ({ what, count, first }));
  }
}
