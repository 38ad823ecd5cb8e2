/** A log on its way to a client, who gets it as fast as it reads and no faster; without it nothing goes on. */
import { pipeline } from "node:stream/promises";
import type { Mux } from "@banger/platform/rpc/mux";
import type { OpenLog } from "./exec-service.ts";

const BYTES = 0;
const END = 1;

export async function serveLog(
  log: OpenLog,
  mux: Mux,
  options: { gone: Disposable & { readonly signal: AbortSignal } },
): Promise<void> {
  using gone = options.gone;
  const left = new AbortController();
  const leave = () => left.abort();
  mux.closed.then(leave, leave);
  try {
    await pipeline(log.read(AbortSignal.any([left.signal, gone.signal])), mux.stream(BYTES));
  } catch (error) {
    if (left.signal.aborted) return; // nobody hears how it ended
    throw error;
  }
  mux.stream(END).end(`${JSON.stringify({ end: gone.signal.aborted ? "deleted" : "all" })}\n`);
  await mux.close();
}
