/** A WebSocket through to a guest: the two heads are read and written anew, then bytes go both ways until either end goes. */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { pipeline } from "node:stream/promises";
import { endToEnd, type RawHeaders, valuesOf } from "./hop-headers.ts";
import { type GuestPortOf, guestRequest } from "./http-forward.ts";

/** The guest's answer and the connection that it came on, ours alone; `head` is what came behind a `101` already. */
export type Answer = { readonly message: IncomingMessage; readonly guest: Duplex; readonly head: Buffer | undefined };

/** Only what we know is let through as an upgrade; a request with a body or another protocol is an ordinary one. */
export function isWebSocket({ rawHeaders, method }: IncomingMessage): boolean {
  const hasBody = valuesOf(rawHeaders, "content-length").length + valuesOf(rawHeaders, "transfer-encoding").length > 0;
  const [protocol, ...others] = valuesOf(rawHeaders, "upgrade");
  return method === "GET" && !hasBody && others.length === 0 && protocol?.toLowerCase() === "websocket";
}

/** Asks the guest, and throws what could not be had; nothing has been said to the client until then. */
export async function askToUpgrade(request: IncomingMessage, to: GuestPortOf): Promise<Answer> {
  const headers = [...endToEnd(request.rawHeaders), "Connection", "Upgrade", "Upgrade", "websocket"];
  const outgoing = guestRequest(to, request, headers);
  const answered = Promise.withResolvers<Answer>();
  outgoing.once("response", (message) => answered.resolve({ message, guest: message.socket, head: undefined }));
  outgoing.once("upgrade", (message, guest, head) => answered.resolve({ message, guest, head }));
  outgoing.on("error", answered.reject);
  outgoing.once("close", () => answered.reject(new Error("the connection ended before an answer")));
  outgoing.end();
  return await answered.promise;
}

/** Passes the answer on, and then what both ends say. A refusal is an ordinary answer, the last on its connection. */
export async function joinUpgraded({ message, guest, head }: Answer, client: Duplex): Promise<void> {
  if (head === undefined) {
    client.write(headOf(message, ["Connection", "close"]), "latin1");
    await pipeline(message, client);
    return;
  }
  client.write(headOf(message, ["Connection", "Upgrade", "Upgrade", "websocket"]), "latin1");
  client.write(head);
  await Promise.all([pipeline(client, guest), pipeline(guest, client)]);
}

/** Names and values have passed Node's parser, which lets no line end into them and makes each byte one character. */
function headOf(message: IncomingMessage, connection: RawHeaders): string {
  const headers = [...endToEnd(message.rawHeaders), ...connection];
  const lines = Array.from(
    { length: headers.length >> 1 },
    (_, at) => `${headers[2 * at]}: ${headers[2 * at + 1]}\r\n`,
  );
  return `HTTP/1.1 ${message.statusCode} ${message.statusMessage}\r\n${lines.join("")}\r\n`;
}
