/** HELLO (docs/protocol/agent.md §2): how each end introduces itself when an epoch opens. Frozen for ever. */
import { joinBytes } from "../byte-queue.ts";
import {
  decodeFields,
  encodeFields,
  type FieldsIn,
  type FieldsOut,
  type FieldTable,
  MalformedError,
} from "./fields.ts";
import { encodeFrame, FRAME_TYPE, MARKER, MAX_PAYLOAD_BYTES } from "./frame.ts";

export const PROTOCOL = 1;
/** bytes of a session and of a boot */
export const NONCE_BYTES = 16;

export const hostHello = {
  protocol: { tag: 1, kind: "u64", required: true },
  epoch: { tag: 2, kind: "u64", required: true },
  session: { tag: 3, kind: "bytes", required: true },
  build: { tag: 4, kind: "text" },
} as const satisfies FieldTable;

export const agentHello = {
  ...hostHello,
  capability: { tag: 5, kind: "text", list: true },
  /** random, one per boot of the agent */
  boot: { tag: 6, kind: "bytes" },
  /** 1 if the session continues */
  resumed: { tag: 7, kind: "u64" },
  /** the smallest even stream number never used */
  nextStream: { tag: 8, kind: "u64" },
  /** only in a refusal: the last epoch that was accepted */
  refused: { tag: 9, kind: "u64" },
  /** `pid1` or `beside-init` */
  role: { tag: 10, kind: "text" },
} as const satisfies FieldTable;

export type AgentHello = FieldsOut<typeof agentHello>;
export type HostHello = FieldsOut<typeof hostHello>;

/** Marker and frame, ready to be written at a frame boundary. */
export function encodeHello<T extends typeof hostHello | typeof agentHello>(
  table: T,
  fields: FieldsIn<T> & { epoch: number },
): Uint8Array {
  const payload = encodeFields<T>(table, fields);
  if (payload.length > MAX_PAYLOAD_BYTES)
    throw new RangeError(`a hello of ${payload.length} bytes is larger than a frame`);
  const head = { type: FRAME_TYPE.hello, flag: 0, stream: 0, offset: fields.epoch, length: payload.length };
  const { header, trailer } = encodeFrame(head, 0);
  return joinBytes([MARKER, header, payload, trailer]);
}

/** Throws MalformedError. */
export function decodeHello<T extends typeof hostHello | typeof agentHello>(
  table: T,
  payload: Uint8Array,
): FieldsOut<T> {
  const hello = decodeFields<T>(table, payload);
  if ((hello as HostHello).session.length !== NONCE_BYTES) throw new MalformedError("the session is not 16 bytes");
  return hello;
}
