/** What the fake agent's verbs need of it: streams, answers and events. */
import type { FieldsIn } from "@banger/contract/guest/fields";
import type { GuestEvent, GuestVerb, guestEvents, guestVerbs } from "@banger/contract/guest/messages";
import type { GuestStream } from "../channel/guest-stream.ts";
import type { Mux } from "../channel/mux.ts";

export type FakeRequest<V extends GuestVerb> = { readonly number: number; readonly verb: V };

export interface FakeAgentPort {
  readonly mux: Mux;
  openStream(options: { id: number; window: number; use: "send" | "receive" | "both"; durable: boolean }): GuestStream;
  answer<V extends GuestVerb>(request: FakeRequest<V>, fields: FieldsIn<(typeof guestVerbs)[V]["answer"]>): void;
  refuse(request: FakeRequest<GuestVerb>, refusal: { errno: number; text: string }): void;
  event<E extends GuestEvent>(event: E, fields: FieldsIn<(typeof guestEvents)[E]["fields"]>): void;
  upgraded(build: string): void;
}

/** The answer is an error. */
export class FakeRefusal extends Error {
  readonly errno: number;

  constructor(errno: number, message: string) {
    super(message);
    this.errno = errno;
  }
}
