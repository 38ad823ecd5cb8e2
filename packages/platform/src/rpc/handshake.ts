/**
 * The first message each way: who speaks which version of the protocol, and from which build. Its shape is frozen, for
 * it is how two builds find out that they differ.
 */
import { AppError } from "@banger/contract/errors";
import type { Channel } from "./channel.ts";
import { asRecord, errorFromWire, errorToWire, type Message } from "./wire.ts";

export type Build = { readonly version: string; readonly commit: string /** ISO 8601 */; readonly builtAt: string };
export type Hello = {
  readonly protocol: number;
  readonly build: Build;
  /** the directory whose state is served; clients tell none, and older servers do not */
  readonly state?: string;
};

/** bytes, as Linux has it */
const MAX_PATH = 4096;

export function sendHello(channel: Channel, hello: Hello): void {
  channel.send({ jsonrpc: "2.0", method: "$/hello", params: hello });
}

/** Sent in place of a hello by a server that will not talk to this peer. */
export function sendRefusal(channel: Channel, error: AppError): void {
  channel.send({ jsonrpc: "2.0", method: "$/refused", params: errorToWire(error) });
  channel.close();
}

/** The peer's hello; throws what it refused with, or PROTOCOL_BROKEN. */
export function parseHello(message: Message): Hello {
  if (message.kind === "notification" && message.method === "$/refused") throw errorFromWire(message.params);
  if (message.kind !== "notification" || message.method !== "$/hello") {
    throw new AppError("PROTOCOL_BROKEN", "the peer did not begin with a hello");
  }
  const { protocol, build, state } = asRecord(message.params);
  const { version, commit, builtAt } = asRecord(build);
  if (typeof protocol !== "number") throw new AppError("PROTOCOL_BROKEN", "the peer's hello names no protocol");
  return {
    ...{ protocol, build: { version: text(version), commit: text(commit), builtAt: text(builtAt) } },
    ...(typeof state === "string" && { state: state.slice(0, MAX_PATH) }),
  };
}

function text(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 100) : "";
}

/** VERSION_MISMATCH with the peer's build among its facts, or undefined. */
export function mismatch(own: Hello, peer: Hello): AppError | undefined {
  if (own.protocol === peer.protocol) return undefined;
  const { version, commit, builtAt } = peer.build;
  return new AppError(
    "VERSION_MISMATCH",
    `the peer (${version}) speaks protocol ${peer.protocol}, this is ${own.build.version} with protocol ${own.protocol}`,
    {
      facts: {
        protocol: own.protocol,
        peerProtocol: peer.protocol,
        peerVersion: version,
        peerCommit: commit,
        peerBuiltAt: builtAt,
      },
    },
  );
}
