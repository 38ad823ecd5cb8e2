/** Numbers of epochs: they only grow, for whoever opens them, over restarts of the daemon too. */
import { PREAMBLE_BYTES } from "@banger/contract/guest/frame";
import { encodeHello, hostHello, PROTOCOL } from "@banger/contract/guest/hello";
import { protocolBroken } from "./guest-error.ts";

const PREAMBLE = new Uint8Array(PREAMBLE_BYTES);

export class Epochs {
  #last = 0;
  readonly #now: () => number;

  /** `now` is the wall clock in `ms`. */
  constructor(now: () => number) {
    this.#now = now;
  }

  get current(): number {
    return this.#last;
  }

  open(): number {
    this.#last = Math.max(Math.floor(this.#now()), this.#last + 1);
    return this.#last;
  }

  /** The agent has accepted `last` before. Throws GUEST_PROTOCOL if no epoch can be above that. */
  refused(last: number): void {
    if (last >= Number.MAX_SAFE_INTEGER - 1 || last < this.#last)
      throw protocolBroken(`it refused an epoch for ${last}`);
    this.#last = last;
  }
}

/** What opens an epoch: zeros that end whatever was half read, marker, HELLO. */
export function greeting(fields: { epoch: number; session: Uint8Array; build: string }): readonly Uint8Array[] {
  return [PREAMBLE, encodeHello(hostHello, { protocol: PROTOCOL, ...fields })];
}
