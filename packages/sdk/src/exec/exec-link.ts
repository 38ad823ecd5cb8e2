/** One connection that carries a command: what the daemon says on its control stream, and why the connection ended. */
import type { Readable } from "node:stream";
import { type ExecEnd, parseExecEnd, parseTaken } from "@banger/contract/daemon/exec-end";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import { LineDecoder } from "@banger/platform/rpc/lines";
import type { Mux } from "@banger/platform/rpc/mux";

const MAX_LINE_BYTES = 64 << 10;

/** The end of the command; `undefined` when the connection was lost before it was told. Throws what the daemon failed with. */
export async function endOn(mux: Mux, options: { taken: (bytes: number) => void }): Promise<ExecEnd | undefined> {
  for await (const line of linesOf(mux.stream(execStreams.control))) {
    const value: unknown = parse(line);
    const taken = parseTaken(value);
    if (taken === undefined) return parseExecEnd(value);
    options.taken(taken);
  }
  const reason = await mux.closed.catch((error: unknown) => error);
  if (reason !== undefined && !AppError.is(reason, "DAEMON_UNREACHABLE")) throw reason;
  return undefined;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new AppError("PROTOCOL_BROKEN", "the daemon told of a command what can not be read", { cause });
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new LineDecoder({ maxBytes: MAX_LINE_BYTES });
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
    decoder.feed(chunk as Buffer);
    for (let line = decoder.next(); line !== undefined; line = decoder.next()) yield line;
  }
}
