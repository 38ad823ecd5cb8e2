/** What the daemon says on a stream of an upgraded connection: one JSON value a line, until the stream ends. */
import type { Readable } from "node:stream";
import { AppError } from "@banger/contract/errors";
import { LineDecoder } from "@banger/platform/rpc/lines";

const MAX_LINE_BYTES = 64 << 10;

export async function* jsonLines(stream: Readable): AsyncGenerator<unknown> {
  const decoder = new LineDecoder({ maxBytes: MAX_LINE_BYTES });
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    decoder.feed(chunk as Buffer);
    for (let line = decoder.next(); line !== undefined; line = decoder.next()) yield parse(line);
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AppError("PROTOCOL_BROKEN", "the daemon said what can not be read", { cause });
  }
}
