/**
 * What becomes of a signal while a command runs in a machine. It is the command's, but a guest that answers nothing must not
 * keep our caller for ever: somebody who insists gets away.
 */
import type { SignalName } from "./interrupts.ts";

/** `kill`: sent on as SIGKILL; `leave`: we end, and the daemon hangs up what we leave behind */
export type Verdict = "forward" | "kill" | "leave";

/** a second Ctrl-C within this time ends the command, whatever it does with the first, `ms` */
const INSIST_MS = 1_000;
/** signals with no more than this between them are one request that grows louder, `ms` */
const IN_A_ROW_MS = 5_000;
/** what a command may take to end after a SIGTERM before another one is for us, `ms` */
const TERM_MS = 5_000;
const ENOUGH = 3;

export class Insistence {
  readonly #now: () => number;
  readonly #tty: boolean;
  #inARow = 0;
  #last = Number.NEGATIVE_INFINITY;
  #lastInt = Number.NEGATIVE_INFINITY;
  #firstTerm = Number.POSITIVE_INFINITY;

  constructor({ now, tty }: { now: () => number; tty: boolean }) {
    this.#now = now;
    this.#tty = tty;
  }

  judge(name: SignalName): Verdict {
    // With a terminal of ours it means that this is gone, and so are those who watched; without one a command may want it.
    if (name === "SIGHUP") return this.#tty ? "leave" : "forward";
    const now = this.#now();
    this.#inARow = now - this.#last <= IN_A_ROW_MS ? this.#inARow + 1 : 1;
    this.#last = now;
    if (this.#inARow >= ENOUGH) return "leave";
    if (name === "SIGTERM" && now - this.#firstTerm >= TERM_MS) return "leave";
    if (name === "SIGTERM") this.#firstTerm = Math.min(this.#firstTerm, now);
    if (name !== "SIGINT") return "forward";
    const again = now - this.#lastInt < INSIST_MS;
    this.#lastInt = now;
    return again ? "kill" : "forward";
  }
}
