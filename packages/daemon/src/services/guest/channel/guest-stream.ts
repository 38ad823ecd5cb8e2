/**
 * One stream of the multiplexer: two halves, and who wants to hear of them.
 */
import type { AppError } from "@banger/contract/errors";
import type { ReceiveHalf } from "./receive-half.ts";
import type { SendHalf } from "./send-half.ts";

export type StreamEvents = {
  /** bytes or the end can be taken */
  readable(): void;
  /** more can be pushed */
  room(): void;
  /** dead in both directions */
  dead(error: AppError): void;
};

export type GuestStream = {
  readonly id: number;
  readonly send: SendHalf;
  readonly receive: ReceiveHalf;
  /** lives on in a new session, if its command does */
  readonly durable: boolean;
  /** byte of the control stream that has to be sent before the peer can know this stream */
  knownAfter: number;
  /** bytes of the peer's half that the last ACK said were consumed */
  told: number;
  events: StreamEvents;
  /** its owner has done with it; it stays for a last ACK */
  forgotten: boolean;
};

export const NO_EVENTS: StreamEvents = { readable: ignore, room: ignore, dead: ignore };

function ignore(): undefined {
  return undefined;
}
