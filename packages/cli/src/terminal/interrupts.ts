/**
 * Signals that were sent to us. At first they cancel what we are doing; once a command runs in a machine they are its own.
 */
import { constants } from "node:os";
import { AppError } from "@banger/contract/errors";

export type SignalName = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGQUIT";
export const interruptSignals: readonly SignalName[] = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

export class Interrupts {
  readonly #abort = new AbortController();
  readonly #giveUp: (status: number) => void;
  #receiver: ((name: SignalName) => void) | undefined;
  #first: SignalName | undefined;

  /** `giveUp` ends the process at once: somebody asked a second time. */
  constructor(giveUp: (status: number) => void) {
    this.#giveUp = giveUp;
  }

  /** aborts with CANCELLED at the first signal that is not forwarded */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** 128 + the number of the signal that cancelled us */
  get status(): number | undefined {
    return this.#first === undefined ? undefined : signalStatus(constants.signals[this.#first]);
  }

  readonly receive = (name: SignalName): void => {
    if (this.#receiver) this.#receiver(name);
    else if (this.#first !== undefined) this.#giveUp(this.status ?? 1);
    else {
      this.#first = name;
      this.#abort.abort(new AppError("CANCELLED", `interrupted by ${name}`));
    }
  };

  /** Until disposed, signals go to `receiver` and cancel nothing. */
  forward(receiver: (name: SignalName) => void): Disposable {
    this.#receiver = receiver;
    return {
      [Symbol.dispose]: () => {
        this.#receiver = undefined;
      },
    };
  }
}

/** How a shell shows that a signal ended a program. */
export function signalStatus(number: number): number {
  return 128 + number;
}
