/**
 * Joins a client's connection and a command in the guest: stdin, stdout, stderr, and a control stream for size and signals.
 *
 * Back-pressure goes through: a client that does not read stops the command's output, and nobody's memory grows. A client
 * that goes away hangs the command up.
 */
import type { Duplex, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ExecControl, type ExecEnd } from "@banger/contract/daemon/exec";
import { execStreams } from "@banger/contract/daemon/exec-streams";
import { AppError } from "@banger/contract/errors";
import { LineDecoder } from "@banger/platform/rpc/lines";
import type { Mux } from "@banger/platform/rpc/mux";
import { withDeadline } from "@banger/platform/time/deadline";
import type { ExecSession } from "../guest/exec-session.ts";
import { errorView } from "../operation/error-view.ts";

const SIGHUP = 1;
const SIGKILL = 9;
/** what a command may take to end after it was hung up, `ms` */
const HANGUP_MS = 2_000;
const GUEST_MS = 10_000;
const MAX_CONTROL_BYTES = 4_096;

/** `whyCut` tells why the end of the command will never be known, from how that was seen. */
export async function bridge(
  session: ExecSession,
  mux: Mux,
  { whyCut }: { whyCut: (seen: unknown) => Promise<unknown> },
): Promise<void> {
  const gone = mux.closed.then(
    () => "gone" as const,
    () => "gone" as const,
  );
  void feed(mux.stream(execStreams.stdin), session.stdin);
  void obey(mux.stream(execStreams.control), session);
  const output = Promise.all([
    drain(session, "stdout", mux.stream(execStreams.stdout)),
    drain(session, "stderr", mux.stream(execStreams.stderr)),
  ]);
  const ended = output.then(async () => await endOf(session, whyCut));
  const first = await Promise.race([ended, gone]);
  if (first === "gone") return await hangUp(session);
  mux.stream(execStreams.control).end(`${JSON.stringify(first)}\n`);
  // The client need not wait until the guest has forgotten the command, and a machine that is gone keeps nothing.
  const released = session.release({ deadlineMs: GUEST_MS }).catch(() => undefined);
  await mux.close();
  await released;
}

/** The end of the client's input is the end of the command's. */
async function feed(from: Readable, to: Writable): Promise<void> {
  // A command that takes no more input is no failure; how it ends is told elsewhere.
  await pipeline(from, to).catch(() => undefined);
}

/** The client's own stream going away is seen by `gone`; until then what cannot be delivered is taken and dropped. */
async function drain(session: ExecSession, name: "stdout" | "stderr", to: Duplex): Promise<void> {
  await pipeline(untilCut(session.pieces[name]()), to).catch(() => session[name].destroy());
}

/** Output that is cut off ends: why is told with the end of the command, and a broken stream would hide it. */
async function* untilCut(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* pieces;
  } catch {
    // `session.exit` rejects with the reason
  }
}

async function endOf(session: ExecSession, whyCut: (seen: unknown) => Promise<unknown>): Promise<ExecEnd> {
  try {
    return await session.exit;
  } catch (error) {
    return { error: errorView(await whyCut(error)) };
  }
}

/** The stream must outlive a bad order: the end of the command is told on it. */
async function obey(control: Duplex, session: ExecSession): Promise<void> {
  try {
    for await (const line of linesOf(control)) await obeyOne(line, session);
  } catch {
    // The connection is over, which `gone` tells, or the client sent an endless line and has lost its say.
  }
}

async function obeyOne(line: string, session: ExecSession): Promise<void> {
  try {
    const order = ExecControl.parse(JSON.parse(line));
    if ("resize" in order) await session.resize(order.resize, { deadlineMs: GUEST_MS });
    else await session.signal(order.signal, { deadlineMs: GUEST_MS });
  } catch {
    // A size or a signal for a command that has just ended, or nonsense: neither concerns the command's output.
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new LineDecoder({ maxBytes: MAX_CONTROL_BYTES });
  for await (const chunk of stream) {
    decoder.feed(chunk as Buffer);
    for (let line = decoder.next(); line !== undefined; line = decoder.next()) yield line;
  }
}

/** SIGHUP to all of it, a while to end, then SIGKILL: what its client has left must not run on unseen. */
export async function hangUp(session: ExecSession): Promise<void> {
  const everything = { deadlineMs: GUEST_MS, scope: "everything" } as const;
  for (const stream of [session.stdout, session.stderr]) stream.destroy();
  try {
    await session.signal(SIGHUP, everything);
    await withDeadline(() => session.exit, { ms: HANGUP_MS, what: "a command to hang up" });
  } catch (error) {
    if (AppError.is(error, "TIMEOUT")) await session.signal(SIGKILL, everything).catch(() => undefined);
  }
  // A machine or a command that is gone has nothing left to hang up or to release.
  await session.exit.then(() => session.release({ deadlineMs: GUEST_MS })).catch(() => undefined);
}
