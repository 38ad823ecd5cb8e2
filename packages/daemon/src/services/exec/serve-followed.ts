/**
 * A client of a command that runs in the background: it sees the log as it grows, and may write if nobody else does. It
 * comes and goes, and the command goes on.
 */
import type { ExecEnd } from "@banger/contract/daemon/exec";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import type { Mux } from "@banger/platform/rpc/mux";
import type { Consumed } from "../guest/exec-begin.ts";
import type { Followed } from "./background.ts";
import { feed, obey, tellTaken } from "./client-input.ts";
import { leftToOthers } from "./client-output.ts";
import { type Growing, readCommandLog } from "./command-log-reader.ts";
import type { Replay } from "./replay.ts";
import { writePiece } from "./write-piece.ts";

export type ServeOptions = {
  readonly replay: Replay;
  /** undefined when it has ended */
  readonly followed: Followed | undefined;
  readonly writes: boolean;
  readonly end: () => Promise<ExecEnd>;
  /** aborts when the daemon goes */
  readonly leaving: AbortSignal;
};

export async function serveFollowed(log: string, mux: Mux, options: ServeOptions): Promise<void> {
  const { replay, followed, writes, end, leaving } = options;
  const left = new AbortController();
  const leave = () => left.abort(new Error("the client has gone"));
  mux.closed.then(leave, leave);
  const signal = AbortSignal.any([left.signal, leaving]);
  const control = mux.stream(execStreams.control);
  if (followed) {
    const { session } = followed;
    if (writes) {
      void feed(mux.stream(execStreams.stdin), session.stdin);
      tellTaken(session, control);
    }
    void obey(control, session, { detach: leave, unheard: leave });
  }
  try {
    await show(log, mux, { replay, growing: followed, signal });
    control.end(`${JSON.stringify(await end())}\n`);
  } catch (error) {
    if (!signal.aborted) throw error;
    if (leaving.aborted) return mux.destroy(leftToOthers("the daemon goes"));
    control.end(`${JSON.stringify({ detached: true })}\n`);
  } finally {
    if (followed && writes) followed.session.inputTaken = () => undefined;
  }
  await mux.close();
}

type Show = { readonly replay: Replay; readonly growing: Growing | undefined; readonly signal: AbortSignal };

/** A client that does not read holds up nothing but its own reading of the log. */
async function show(log: string, mux: Mux, { replay, growing, signal }: Show): Promise<void> {
  const at: { -readonly [K in keyof Consumed]: number } = { ...replay.from };
  const follow = growing && { growing, signal };
  for await (const { stream, from, data } of readCommandLog(log, { start: replay.place, follow })) {
    signal.throwIfAborted();
    const fresh = data.subarray(Math.max(0, at[stream] - from));
    at[stream] = Math.max(at[stream], from + data.length);
    if (fresh.length > 0) await writePiece(mux.stream(execStreams[stream]), { data: fresh, signal });
  }
  signal.throwIfAborted();
  for (const name of ["stdout", "stderr"] as const) mux.stream(execStreams[name]).end();
}
