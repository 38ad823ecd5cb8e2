/**
 * One HTTP request through to a port of a guest, and its answer back. Node's parsers read both heads and write both
 * anew, so what the guest gets is what was judged here; bodies are streamed no faster than they are taken.
 */
import { type ClientRequest, request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { AppError } from "@banger/contract/errors";
import type { VmId } from "@banger/contract/ids";
import type { GuestConnections } from "./guest-connections.ts";
import { endToEnd, type RawHeaders, valuesOf } from "./hop-headers.ts";
import type { Plain } from "./plain-answer.ts";

/** Where a request goes, and over which connections. */
export type GuestPortOf = { readonly id: VmId; readonly port: number; readonly over: GuestConnections };

const MAX_HEAD_BYTES = 64 << 10;
/** methods that promise a body, even an empty one */
const WITH_BODY = new Set(["POST", "PUT", "PATCH"]);
/** methods that change nothing */
const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS"]);

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

export function guestRequest(to: GuestPortOf, from: IncomingMessage, headers: RawHeaders): ClientRequest {
  return httpRequest({
    ...{ agent: to.over, host: to.id, port: to.port },
    method: from.method ?? "GET",
    path: from.url ?? "/",
    headers,
    setHost: false,
    maxHeaderSize: MAX_HEAD_BYTES,
  });
}

/** Whether it may be sent twice: it changes nothing, and nothing of it is used up. */
export function isRepeatable({ rawHeaders, method = "GET" }: IncomingMessage): boolean {
  if (!REPEATABLE.has(method)) return false;
  const [length = "0"] = valuesOf(rawHeaders, "content-length");
  return length === "0" && valuesOf(rawHeaders, "transfer-encoding").length === 0;
}

/** Throws what could not be had before the answer began; afterwards a broken answer ends the client's connection. */
export async function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  to: Omit<GuestPortOf, "over"> & { readonly kept: GuestConnections; readonly fresh: GuestConnections },
): Promise<void> {
  const { kept, fresh, ...port } = to;
  if (!isRepeatable(request)) return await exchange(request, response, { ...port, over: fresh });
  try {
    await exchange(request, response, { ...port, over: kept });
  } catch (error) {
    // Its server may have closed a connection that was kept, before it saw the request.
    if (!(error instanceof StaleConnection) || response.destroyed) throw error;
    await exchange(request, response, { ...port, over: fresh });
  }
}

class StaleConnection extends Error {}

async function exchange(request: IncomingMessage, response: ServerResponse, to: GuestPortOf): Promise<void> {
  const outgoing = guestRequest(to, request, forwardedHeaders(request));
  const answered = Promise.withResolvers<IncomingMessage>();
  outgoing.once("response", answered.resolve);
  outgoing.on("error", answered.reject);
  outgoing.once("close", () => answered.reject(new Error("the connection ended before an answer")));
  let isAnswered = false;
  // Whoever asked is served, or gone. A connection that others may have by now is not ours to end.
  const over = () => {
    if (!isAnswered || !outgoing.shouldKeepAlive) outgoing.destroy();
  };
  response.once("close", over);
  // A guest may answer, and go, before it has read everything: the rest is read and dropped, and the answer stands.
  request.pipe(outgoing);
  outgoing.once("close", () => void request.unpipe(outgoing).resume());
  const incoming = await answered.promise.catch((error: unknown) => {
    response.off("close", over);
    throw outgoing.reusedSocket ? new StaleConnection("a kept connection had ended", { cause: error }) : error;
  });
  isAnswered = true;
  try {
    response.sendDate = false;
    response.writeHead(incoming.statusCode ?? 502, incoming.statusMessage, endToEnd(incoming.rawHeaders));
    response.flushHeaders();
    await pipeline(incoming, response);
  } catch (error) {
    incoming.destroy(); // the parser lets more into a head than may be written, and then nobody reads the rest
    throw error;
  }
}

/** What a failure to reach the guest is to whoever asked. */
export function failurePage(
  error: unknown,
  { name, port, gatewayPort }: { name: string; port: number; gatewayPort: number | undefined },
): Plain {
  const where = `port ${port} of ${name}`;
  if (AppError.is(error, "VM_NOT_FOUND")) {
    return {
      status: 404,
      message: `There is no machine named ${name}.`,
      hint: `http://localhost:${gatewayPort} lists the machines.`,
    };
  }
  if (AppError.is(error, "VM_NOT_RUNNING"))
    return { status: 503, message: `${error.message}.`, hint: `It is started by: banger start ${name}` };
  if (AppError.is(error, "VM_PAUSED"))
    return { status: 503, message: `${error.message}.`, hint: `It goes on with: banger resume ${name}` };
  if (AppError.is(error, "GUEST_REFUSED") && error.facts.errnoName === "ECONNREFUSED") {
    return { status: 502, message: `Nothing listens on ${where}.`, hint: `Its open ports: banger ports ${name}` };
  }
  if (AppError.is(error, "GUEST_REFUSED"))
    return { status: 502, message: `${name} refused a connection to port ${port}.` };
  if (AppError.is(error, "GUEST_SILENT")) return { status: 504, message: `${name} does not answer.` };
  return { status: 502, message: `What came from ${where} was not a whole HTTP answer.` };
}
