/** A log on its way to a client, who gets it as fast as it reads and no faster; without it nothing goes on. */
import type { LogEnd, LogMark, LogPosition } from "@banger/contract/daemon/log-line";
import type { Mux } from "@banger/platform/rpc/mux";
import { leftToOthers } from "./client-output.ts";
import type { OpenLog } from "./exec-service.ts";
import { writePiece } from "./write-piece.ts";

const BYTES = 0;
const LINES = 1;

export async function serveLog(
  log: OpenLog,
  mux: Mux,
  options: { gone: Disposable & { readonly signal: AbortSignal } },
): Promise<void> {
  using gone = options.gone;
  const { leaving } = log;
  const left = new AbortController();
  const leave = () => left.abort(new Error("the client has gone"));
  mux.closed.then(leave, leave);
  const signal = AbortSignal.any([left.signal, ...(leaving ? [leaving] : [])]);
  try {
    await show(log, mux, { signal, over: AbortSignal.any([signal, gone.signal]) });
    signal.throwIfAborted();
  } catch (error) {
    if (!signal.aborted) throw error;
    // Nobody hears how it ended, or it is the next daemon's to tell.
    return mux.destroy(leftToOthers("the daemon goes"));
  }
  const end: LogEnd = { end: gone.signal.aborted ? "deleted" : "all" };
  mux.stream(BYTES).end();
  mux.stream(LINES).end(`${JSON.stringify(end)}\n`);
  await mux.close();
}

type Show = { readonly signal: AbortSignal; readonly over: AbortSignal };

/** With a mark wherever a client could not count on: it is on its way before the bytes that it is for. */
async function show(log: OpenLog, mux: Mux, { signal, over }: Show): Promise<void> {
  let from = 0;
  let next: LogPosition | undefined;
  for await (const { data, ...position } of log.read(over)) {
    if (mux.stream(BYTES).destroyed) return;
    if (log.leaving && !(next && isAt(position, next))) {
      const mark: LogMark = { from, ...position };
      await writePiece(mux.stream(LINES), { data: `${JSON.stringify(mark)}\n`, signal });
    }
    if (data.length > 0) await writePiece(mux.stream(BYTES), { data, signal });
    from += data.length;
    next = { ...position, skip: position.skip + data.length };
  }
}

/** A piece of a command's log takes more room in its file than it has bytes, so the one behind it never seems to go on. */
function isAt(here: LogPosition, there: LogPosition): boolean {
  return here.of === there.of && here.part === there.part && here.at + here.skip === there.at + there.skip;
}
