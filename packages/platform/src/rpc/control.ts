/** Control messages of an upgraded connection, `[u8 kind][u8 stream][body]`. */
import { AppError } from "@banger/contract/errors";
import { CONTROL_STREAM, frameHeader, MAX_CONTROL_BYTES } from "./frames.ts";
import { errorFromWire, errorToWire } from "./wire.ts";

const KIND = { credit: 1, end: 2, reset: 3, close: 4 } as const;
const MAX_MESSAGE_CHARACTERS = 2000;

export type Control =
  /** the receiver of this may send `bytes` more */
  | { readonly kind: "credit"; readonly stream: number; readonly bytes: number }
  /** no more data on this stream from the sender of this */
  | { readonly kind: "end"; readonly stream: number }
  /** the sender of this neither reads nor writes the stream any more */
  | { readonly kind: "reset"; readonly stream: number; readonly error: AppError }
  /** the last message; without an error all went well */
  | { readonly kind: "close"; readonly error: AppError | undefined };

export function encodeControl(control: Control): Buffer {
  const body = bodyOf(control);
  const payload = Buffer.allocUnsafe(2 + body.length);
  payload[0] = KIND[control.kind];
  payload[1] = control.kind === "close" ? 0 : control.stream;
  body.copy(payload, 2);
  return Buffer.concat([frameHeader(CONTROL_STREAM, payload.length), payload]);
}

function bodyOf(control: Control): Buffer {
  if (control.kind === "credit") {
    const body = Buffer.allocUnsafe(4);
    body.writeUInt32LE(control.bytes);
    return body;
  }
  if (control.kind === "end" || control.error === undefined) return Buffer.alloc(0);
  const body = Buffer.from(JSON.stringify(errorToWire(control.error)));
  if (body.length <= MAX_CONTROL_BYTES - 2) return body;
  const message = control.error.message.slice(0, MAX_MESSAGE_CHARACTERS);
  return Buffer.from(JSON.stringify(errorToWire(new AppError(control.error.code, message))));
}

export function decodeControl(payload: Buffer): Control {
  const kind = payload[0];
  const stream = payload[1];
  const body = payload.subarray(2);
  if (stream !== undefined) {
    if (kind === KIND.credit && body.length === 4) return { kind: "credit", stream, bytes: body.readUInt32LE() };
    if (kind === KIND.end && body.length === 0) return { kind: "end", stream };
    if (kind === KIND.reset) return { kind: "reset", stream, error: decodeError(body) };
    if (kind === KIND.close) return { kind: "close", error: body.length === 0 ? undefined : decodeError(body) };
  }
  throw new AppError("PROTOCOL_BROKEN", `a control message of unknown kind ${kind ?? "none"} came in`);
}

function decodeError(body: Buffer): AppError {
  try {
    return errorFromWire(JSON.parse(body.toString("utf8")));
  } catch (cause) {
    throw new AppError("PROTOCOL_BROKEN", "an error that is not JSON came in", { cause });
  }
}
