/** An agent that does what a test says, and nothing else: for what no honest one would send. */
import type { Duplex } from "node:stream";
import { encodeFrame, writeU64 } from "@banger/contract/guest/frame";
import { type Decoded, FrameDecoder } from "@banger/contract/guest/frame-decoder";
import {
  agentHello,
  decodeHello,
  encodeHello,
  type HostHello,
  hostHello,
  PROTOCOL,
} from "@banger/contract/guest/hello";
import { socketPair } from "@banger/platform/testing/socket-pair";
import type { FakeClock } from "@banger/platform/time/clock-fake";
import { GuestChannel } from "../channel/guest-channel.ts";

export type Say = { type: number; flag?: number; stream?: number; offset?: number; payload?: Uint8Array };

/** Answers HELLO as an agent should, then does as it is told. */
export class Puppet {
  readonly #decoder = new FrameDecoder();
  #pipe: Duplex | undefined;
  #epoch = 0;
  hellos = 0;
  readonly heard: Decoded[] = [];
  /** what it does when it hears HELLO */
  greet: (hello: HostHello) => void = (hello) => this.welcome(hello);
  /** called when the epoch is open */
  opened: () => void = () => undefined;

  readonly connect = async () => {
    const [host, guest] = socketPair();
    this.#pipe = guest;
    guest.on("error", () => undefined);
    guest.on("data", (chunk: Uint8Array) => {
      this.#decoder.push(chunk);
      for (let one = this.#decoder.next(); one; one = this.#decoder.next()) this.#hear(one);
    });
    return host;
  };

  #hear(one: Decoded): void {
    if (one.kind !== "hello") {
      this.heard.push(one);
      return;
    }
    this.hellos++;
    this.greet(decodeHello(hostHello, one.payload));
  }

  welcome(hello: HostHello, more: object = {}): void {
    const { epoch, session } = hello;
    const boot = new Uint8Array(16);
    this.write(
      encodeHello(agentHello, { protocol: PROTOCOL, epoch, session, boot, resumed: 0, nextStream: 2, ...more }),
    );
    this.#epoch = epoch;
    this.#decoder.enter(epoch);
    this.opened();
  }

  say({ type, flag = 0, stream = 0, offset = 0, payload = new Uint8Array() }: Say): void {
    const { header, trailer } = encodeFrame({ type, flag, stream, offset, length: payload.length }, this.#epoch);
    this.write(Buffer.concat([header, payload, trailer]));
  }

  write(bytes: Uint8Array): void {
    this.#pipe?.write(bytes);
  }
}

export function u64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeU64(new DataView(bytes.buffer), { at: 0, value });
  return bytes;
}

export function openPuppet(puppet: Puppet, more: { clock?: FakeClock; alive?: () => boolean } = {}): GuestChannel {
  return GuestChannel.open({ connect: puppet.connect, session: new Uint8Array(16).fill(3), build: "1", ...more });
}
