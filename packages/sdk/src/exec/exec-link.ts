/** One connection that carries a command: what the daemon says on its control stream, and why the connection ended. */
import { type ExecEnd, parseExecEnd, parseTaken } from "@banger/contract/daemon/exec-end";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import type { Mux } from "@banger/platform/rpc/mux";
import { jsonLines } from "../json-lines.ts";
import { throwUnlessLost } from "../lost-daemon.ts";

/** The end of the command; `undefined` when the connection was lost before it was told. Throws what the daemon failed with. */
export async function endOn(mux: Mux, options: { taken: (bytes: number) => void }): Promise<ExecEnd | undefined> {
  for await (const value of jsonLines(mux.stream(execStreams.control))) {
    const taken = parseTaken(value);
    if (taken === undefined) return parseExecEnd(value);
    options.taken(taken);
  }
  await throwUnlessLost(mux);
  return undefined;
}
