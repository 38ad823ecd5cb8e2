/**
 * One HTTP request through to a port of a guest, and its answer back. Node's parsers read both heads and write both
 * anew, so what the guest gets is what was judged here; bodies are streamed no faster than they are taken.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import { endToEnd, type RawHeaders, valuesOf } from "./hop-headers.ts";
import type { Plain } from "./plain-answer.ts";

export type OpenPort = (options: { name: string; port: number }, signal: AbortSignal) => Promise<Duplex>;

const MAX_HEAD_BYTES = 64 << 10;
/** methods that promise a body, even an empty one */
const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);

/** What is wrong with a request whose meaning two readers could see differently. */
export function ambiguity({ rawHeaders, url = "", method }: IncomingMessage): string | undefined {
  if (valuesOf(rawHeaders, "host").length !== 1) return "exactly one Host is needed";
  const lengths = valuesOf(rawHeaders, "content-length");
  const codings = valuesOf(rawHeaders, "transfer-encoding");
  if (lengths.length + codings.length > 1) return "the length of the body is told twice";
  if (lengths[0] !== undefined && !/^\d+$/.test(lengths[0])) return "the length of the body is no number";
  if (codings[0] !== undefined && codings[0].toLowerCase() !== "chunked") return "only chunked bodies are taken";
  if (!url.startsWith("/") && !(url === "*" && method === "OPTIONS")) return "the target has to be a path";
  return undefined;
}

/** The request's own headers, with the framing of its body said once and plainly. */
export function forwardedHeaders({ rawHeaders, method = "GET" }: IncomingMessage): string[] {
  const headers = endToEnd(rawHeaders, ["expect"]);
  if (valuesOf(rawHeaders, "transfer-encoding").length > 0) headers.push("Transfer-Encoding", "chunked");
  else if (WITH_BODY.has(method) && valuesOf(rawHeaders, "content-length").length === 0)
    headers.push("Content-Length", "0");
  return headers;
}

/** A request to the guest over a connection that is open already, and used for nothing else. */
export function guestRequest(connection: Duplex, from: IncomingMessage, headers: RawHeaders): ClientRequest {
  return httpRequest({
    createConnection: () => connection,
    method: from.method ?? "GET",
    path: from.url ?? "/",
    headers,
    setHost: false,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
}

/** Throws what could not be had before the answer began; afterwards a broken answer ends the client's connection. */
export async function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  connection: Duplex,
): Promise<void> {
  const outgoing = guestRequest(connection, request, forwardedHeaders(request));
  const answered = Promise.withResolvers<IncomingMessage>();
  outgoing.once("response", answered.resolve);
  outgoing.on("error", answered.reject);
  outgoing.once("close", () => answered.reject(new Error("the connection ended before an answer")));
  response.once("close", () => connection.destroy()); // whoever asked is served, or gone
  // A guest may answer, and go, before it has read everything: the rest is read and dropped, and the answer stands.
  request.pipe(outgoing);
  outgoing.once("close", () => void request.unpipe(outgoing).resume());
  const incoming = await answered.promise;
  response.sendDate = false;
  response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, endToEnd(incoming.rawHeaders));
  response.flushHeaders();
  await pipeline(incoming, response);
}

/** What a failure to reach the guest is to whoever asked. */
export function failurePage(error: unknown, { name, port }: { name: string; port: number }): Plain {
  const where = `port ${port} of ${name}`;
  if (AppError.is(error, "VM_NOT_FOUND")) {
    return { status: 404, message: `There is no machine named ${name}.`, hint: "http://localhost lists the machines." };
  }
  if (AppError.is(error, "VM_NOT_RUNNING"))
    return { status: 503, message: `${error.message}.`, hint: `It is started by: banger start ${name}` };
  if (AppError.is(error, "GUEST_REFUSED") && error.facts.errnoName === "ECONNREFUSED") {
    return { status: 502, message: `Nothing listens on ${where}.`, hint: `Its open ports: banger ports ${name}` };
  }
  if (AppError.is(error, "GUEST_REFUSED"))
    return { status: 502, message: `${name} refused a connection to port ${port}.` };
  if (AppError.is(error, "GUEST_SILENT")) return { status: 504, message: `${name} does not answer.` };
  return { status: 502, message: `What came from ${where} was not a whole HTTP answer.` };
}
