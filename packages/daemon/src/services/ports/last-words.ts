/**
 * The end of a connection that is not served: an answer, and then both directions. Whoever asked may never close its own; what it
 * still sends is dropped for a moment, because a connection that ends with bytes unread takes the answer with it.
 */
import type { Duplex } from "node:stream";

const LINGER_MS = 2_000;

export function endWith(connection: Duplex, words: string, { lingerMs = LINGER_MS }: { lingerMs?: number } = {}): void {
  const timer = setTimeout(() => connection.destroy(), lingerMs).unref();
  connection.once("close", () => clearTimeout(timer));
  connection.on("error", () => undefined); // it is given up anyway
  connection.end(words);
  connection.resume();
}
