/** What a client sends to a command: its input, and orders on the control stream. */
import type { Readable, Writable } from "node:stream";
import { ExecControl } from "@banger/contract/daemon/exec";
import { AppError } from "@banger/contract/errors";
import { LineDecoder } from "@banger/platform/rpc/lines";
import type { MuxStream } from "@banger/platform/rpc/mux-stream";
import type { ExecSession } from "../guest/exec-session.ts";

const GUEST_MS = 10_000;
const MAX_ORDER_BYTES = 4_096;
/** SIGKILL and SIGTERM: who sends one of them does not wait for what the command makes of a silence */
const DEADLY: ReadonlySet<number> = new Set([9, 15]);
/** input that the guest has taken and the client was not told of, bytes */
const TELL_BYTES = 64 << 10;

/** The end of the client's input is the command's; that of the client is not. */
export async function feed(from: MuxStream, to: Writable): Promise<void> {
  try {
    for await (const chunk of from) await new Promise<void>((taken) => to.write(chunk as Buffer, () => taken()));
    if (from.endedByPeer) to.end();
  } catch {
    // The client is gone, which is seen elsewhere.
  }
}

/** Tells the client now and then how much of its input never needs to be sent again. */
export function tellTaken(session: ExecSession, control: MuxStream): void {
  let told = session.input.taken;
  session.inputTaken = () => {
    const { taken } = session.input;
    if (taken - told < TELL_BYTES || control.writableNeedDrain || control.writableEnded) return;
    told = taken;
    control.write(`${JSON.stringify({ taken })}\n`);
  };
}

export type Obeying = Pick<ExecSession, "resize" | "signal">;

export type Orders = {
  readonly detach: () => void;
  /** The guest has not even taken note of a signal that ends commands. */
  readonly unheard: (error: AppError) => void;
};

/** The stream must outlive a bad order: the end of the command is told on it. */
export async function obey(control: Readable, session: Obeying, options: Orders): Promise<void> {
  try {
    for await (const line of linesOf(control)) await obeyOne(line, session, options);
  } catch {
    // The connection is over, or the client sent an endless line and has lost its say.
  }
}

async function obeyOne(line: string, session: Obeying, { detach, unheard }: Orders): Promise<void> {
  let deadly = false;
  try {
    const order = ExecControl.parse(JSON.parse(line));
    deadly = "signal" in order && DEADLY.has(order.signal);
    if ("resize" in order) await session.resize(order.resize, { deadlineMs: GUEST_MS });
    else if ("signal" in order) await session.signal(order.signal, { deadlineMs: GUEST_MS });
    else detach();
  } catch (error) {
    // A size or a signal for a command that has just ended, or nonsense: neither concerns the command's output.
    if (deadly && AppError.is(error, "GUEST_SILENT")) unheard(error);
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string> {
  const decoder = new LineDecoder({ maxBytes: MAX_ORDER_BYTES });
  for await (const chunk of stream) {
    decoder.feed(chunk as Buffer);
    for (let line = decoder.next(); line !== undefined; line = decoder.next()) yield line;
  }
}
