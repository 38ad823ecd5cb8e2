/** One piece on its way to a client, at the pace at which that reads. */
import type { MuxStream } from "@banger/platform/rpc/mux-stream";
import { raceAbort } from "@banger/platform/time/deadline";

/** Resolves when the kernel has it; what a client no longer wants is dropped. */
export async function writePiece(
  to: MuxStream,
  { data, signal }: { data: string | Buffer; signal: AbortSignal },
): Promise<void> {
  if (to.destroyed) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  to.write(data, () => resolve());
  await raceAbort(promise, signal);
}
