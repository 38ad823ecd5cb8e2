/** Two connected ends in this process that behave like a socket's: what is written is copied, and the writer may then use its memory again. */
import { type Duplex, duplexPair } from "node:stream";

export function socketPair(): [Duplex, Duplex] {
  const [one, other] = duplexPair();
  for (const end of [one, other]) {
    const write = end._write.bind(end);
    end._write = (chunk: Uint8Array, encoding, done) => write(Buffer.from(chunk), encoding, done);
  }
  return [one, other];
}
