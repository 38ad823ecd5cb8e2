/** JSON messages on one stream of an upgraded connection, one a line, for what goes beside the raw bytes. */
import type { Readable, Writable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { LineDecoder } from "./lines.ts";

const MAX_MESSAGE_BYTES = 256 << 10;

/** False when the stream wants the writer to wait for "drain". */
export function writeMessage(stream: Writable, message: object): boolean {
  return stream.write(`${JSON.stringify(message)}\n`);
}

/** Each message as it comes, until the stream ends; half a message at the end is an error. */
export async function* readMessages(stream: Readable): AsyncGenerator<unknown, void> {
  const decoder = new LineDecoder({ maxBytes: MAX_MESSAGE_BYTES });
  for await (const chunk of stream) {
    decoder.feed(chunk);
    for (let line = decoder.next(); line !== undefined; line = decoder.next()) yield parse(line);
  }
  if (decoder.rest().length > 0) throw new AppError("PROTOCOL_BROKEN", "a stream ended within a message");
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AppError("PROTOCOL_BROKEN", "a message that is not JSON came in", { cause });
  }
}
