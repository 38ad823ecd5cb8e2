/** What a channel tells of itself, and those whom it tells. */
import type { AppError } from "@banger/contract/errors";
import type { EventFields } from "@banger/contract/guest/messages";
import type { AgentFacts } from "./agent-facts.ts";

/** Called at once, in the order in which things came. */
export type ChannelListener = {
  /** an epoch was opened, the first or a later one */
  opened?(facts: AgentFacts): void;
  /** the agent has lost the session; `sameBoot` says that it still has its commands */
  restarted?(options: { sameBoot: boolean; error: AppError }): void;
  exited?(event: EventFields<"exited">): void;
  ports?(event: EventFields<"ports">): void;
  init?(event: EventFields<"init">): void;
  /** the agent was asked something, and nothing has come from it for some seconds */
  stalled?(): void;
  ended?(error: AppError): void;
};

export class Listeners {
  readonly #all = new Set<ChannelListener>();

  /** The result takes it away again. */
  add(listener: ChannelListener): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  /** Who comes or goes meanwhile does so from the next time on. */
  tell(call: (listener: ChannelListener) => void): void {
    for (const listener of [...this.#all]) call(listener);
  }
}
