/**
 * The messages of JSON-RPC 2.0 as they stand on the wire, and the way of an AppError over it and back.
 *
 * What comes in is checked here; everything behind this file may trust the types.
 */
import { AppError, describeChain, type Facts, isErrorCode } from "@banger/contract/errors";

export type RequestId = number | string;
export type WireError = {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly code: string; readonly hint: string; readonly facts: Facts; readonly cause?: string };
};
export type Message =
  | { readonly kind: "request"; readonly id: RequestId; readonly method: string; readonly params: unknown }
  | { readonly kind: "notification"; readonly method: string; readonly params: unknown }
  | { readonly kind: "result"; readonly id: RequestId; readonly result: unknown; readonly upgraded: boolean }
  | { readonly kind: "error"; readonly id: RequestId | null; readonly error: AppError };

const APP_ERROR = -32000;
const MAX_CAUSE_CHARACTERS = 1000;

export function parseMessage(line: string): Message {
  const raw = asRecord(parseJson(line));
  const { id, method } = raw;
  if (typeof method === "string") {
    if (id === undefined) return { kind: "notification", method, params: raw.params };
    if (isId(id)) return { kind: "request", id, method, params: raw.params };
  } else if (raw.error !== undefined && (isId(id) || id === null)) {
    return { kind: "error", id, error: errorFromWire(raw.error) };
  } else if (isId(id)) {
    return { kind: "result", id, result: raw.result, upgraded: raw.upgraded === true };
  }
  throw new AppError("PROTOCOL_BROKEN", "a message that is neither request, notification nor response came in");
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AppError("PROTOCOL_BROKEN", "a line that is not JSON came in", { cause });
  }
}

type Raw = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Raw {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asRecord(value: unknown): Raw {
  if (isRecord(value)) return value;
  throw new AppError("PROTOCOL_BROKEN", "a message that is not an object came in");
}

function isId(value: unknown): value is RequestId {
  return typeof value === "number" || typeof value === "string";
}

export function errorToWire(error: AppError): WireError {
  const { code, message, hint, facts, cause } = error;
  const because = cause === undefined ? {} : { cause: describeChain(cause).slice(0, MAX_CAUSE_CHARACTERS) };
  return { code: APP_ERROR, message, data: { code, hint, facts, ...because } };
}

/** Tolerant: a newer peer may know codes that we do not. */
export function errorFromWire(value: unknown): AppError {
  const raw = isRecord(value) ? value : {};
  const data = isRecord(raw.data) ? raw.data : {};
  const message = typeof raw.message === "string" ? raw.message : "the other end failed and gave no reason";
  const facts = factsFromWire(data.facts);
  const options = {
    ...(typeof data.hint === "string" ? { hint: data.hint } : {}),
    ...(typeof data.cause === "string" ? { cause: new Error(data.cause) } : {}),
  };
  if (isErrorCode(data.code)) return new AppError(data.code, message, { ...options, facts });
  return new AppError("INTERNAL", message, {
    ...options,
    facts: { ...facts, peerCode: String(data.code ?? raw.code) },
  });
}

function factsFromWire(value: unknown): Facts {
  const facts: Record<string, string | number | boolean> = {};
  for (const [key, fact] of Object.entries(isRecord(value) ? value : {})) {
    if (typeof fact === "string" || typeof fact === "number" || typeof fact === "boolean") facts[key] = fact;
  }
  return facts;
}
